"""Static files under names that tell their content, so that browsers keep them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage

_JS_IMPORTS = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """The imports in the page's modules are renamed too; those in others' minified scripts are left alone."""

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("page/*.js", _JS_IMPORTS))
