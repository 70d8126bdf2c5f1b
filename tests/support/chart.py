"""Renders deploy/helm with Helm, in a process of its own: Helm's library brings the runtime of Go.

Reads a list of values as JSON. Writes what became of each: messages of the linter, and manifests or an error.
"""

import json
import sys
from pathlib import Path
from typing import Any

CHART = Path(__file__).parents[2] / "deploy" / "helm"
# The schemas of these versions of Kubernetes: an old one that is still in use, and the newest.
KUBERNETES = ("1.31", "1.37")
WARNING = 2


def rendered(values: dict[str, Any]) -> dict[str, Any]:
    import kubernetes_validate
    import yaml
    from helm_python import Chart, HelmError, lint

    messages = lint(CHART, values, strict=True)["messages"]
    result: dict[str, Any] = {"lint": [message for message in messages if message["severity"] >= WARNING]}
    try:
        with Chart.load(CHART) as chart:
            chart.validate_schema(values)
            files = chart.render(values, name="demo", namespace="here")
    except HelmError as error:
        return {**result, "error": str(error)}
    manifests = [
        manifest for name, text in files.items() if name.endswith(".yaml") for manifest in yaml.safe_load_all(text)
    ]
    result["manifests"] = [manifest for manifest in manifests if manifest]
    for manifest in result["manifests"]:
        for version in KUBERNETES:
            kubernetes_validate.validate(manifest, version, strict=True)
    return result


if __name__ == "__main__":
    json.dump([rendered(values) for values in json.load(sys.stdin)], sys.stdout)
