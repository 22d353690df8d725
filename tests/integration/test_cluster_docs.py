"""The documented cluster files, as far as they can be checked without a cloud."""

from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cluster"


def test_the_cluster_file_passes_rays_own_schema():
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((DOCS / "cluster.yaml").read_text())

    validate_config(prepare_config(config))
    assert config["head_node_type"] in config["available_node_types"]
    assert config["available_node_types"]["head"]["resources"]["CPU"] == 0


def test_a_wrong_key_would_not_pass_rays_own_schema():
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((DOCS / "cluster.yaml").read_text())
    config["max_worker"] = 8

    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config(config))


def test_the_ray_job_has_what_kuberay_needs():
    job = yaml.safe_load((DOCS / "rayjob.yaml").read_text())

    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        volumes = {volume["name"] for volume in group["template"]["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["resources"]["limits"] == container["resources"]["requests"]
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_rays_autoscaler_reads_the_cluster_of_the_ray_job():
    from ray.autoscaler._private.kuberay.autoscaling_config import (
        _derive_autoscaling_config_from_ray_cr,
    )
    from ray.autoscaler._private.util import validate_config

    job = yaml.safe_load((DOCS / "rayjob.yaml").read_text())
    resource = {
        "metadata": {"name": "nas", "namespace": "default"},
        "spec": job["spec"]["rayClusterSpec"],
    }

    config = _derive_autoscaling_config_from_ray_cr(resource)

    validate_config(config)
    kinds = config["available_node_types"]
    assert kinds[config["head_node_type"]]["resources"]["CPU"] == 0
    assert {name: kinds["gpu"]["resources"][name] for name in ("CPU", "GPU")} == {
        "CPU": 8,
        "GPU": 1,
    }
    assert (kinds["gpu"]["min_workers"], kinds["gpu"]["max_workers"]) == (0, 8)


def test_the_command_of_the_ray_job_is_one_that_we_understand():
    from nas.assemble.jobs import plan_jobs
    from nas.config.source import ConfigSource

    job = yaml.safe_load((DOCS / "rayjob.yaml").read_text())
    program, command, *overrides = job["spec"]["entrypoint"].split()

    (planned,) = plan_jobs(ConfigSource(overrides=tuple(overrides)))

    assert (program, command) == ("nas", "search")
    assert planned.config.execution.gpus_per_trial == 0.5
