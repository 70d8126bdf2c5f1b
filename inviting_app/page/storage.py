"""The storage of static files: each file name contains a hash of the content, so browsers may keep files forever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also renames the imports in JavaScript modules, which Django leaves alone by default."""

    support_js_module_import_aggregation = True
