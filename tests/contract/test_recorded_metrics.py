"""The metrics on which dashboards and alerts depend: names, types, labels and buckets."""

from prometheus_client.parser import text_string_to_metric_families

from tests.contract.conftest import Seen
from tests.contract.recording import as_recorded


def test_metrics_are_as_recorded(seen: Seen) -> None:
    found = {}
    for family in text_string_to_metric_families(seen.metrics):
        labels = {label for sample in family.samples for label in sample.labels}
        found[family.name] = {
            "type": family.type,
            "labels": sorted(labels),
            "samples": sorted({sample.name for sample in family.samples}),
        }
        if "le" in labels:
            found[family.name]["buckets"] = list(
                dict.fromkeys(s.labels["le"] for s in family.samples if "le" in s.labels)
            )

    assert as_recorded("metrics", found)
