"""Other implementations of the same requests, on the service's database and with its tokens, to compare it with.

bare   plain Django views without middleware, which run hand-written SQL: own profile, sign-up, login, activation
drf    Django REST framework as in its manual: own profile
"""
