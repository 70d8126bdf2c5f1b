"""Other ways to make the same service, to measure ours by: each answers `GET /api/v1/profiles/me` as ours does.

    bare                 a plain Django view, one prepared statement, nothing else; with signup, login and activation
    drf                  Django REST framework as its manual shows it
    fastapi_asyncpg      FastAPI and the same statement as the plain Django view's
    fastapi_sqlalchemy   FastAPI and SQLAlchemy's asynchronous ORM

`pgbench` sends that statement without any web server. `servers` starts them and compares their answers; they read the
service's database and take its tokens.
"""
