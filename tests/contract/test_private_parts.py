"""Parts of other libraries that are not their public interface, one test for each.

Where an upgrade breaks one, the test that fails says by its name which of our modules to look at.
The list, and why each is used, stands in docs/decisions.md.
"""

import inspect
import json

import optuna
import pytest
import torch
from optuna.samplers import NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import nn


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_optuna_a_study_has_a_storage_and_an_id_with_system_attributes():
    study = optuna.create_study()

    study._storage.set_study_system_attr(study._study_id, "key", 1)

    assert study._storage.get_study_system_attrs(study._study_id) == {"key": 1}


def test_optuna_a_trial_has_an_id_that_the_storage_takes():
    study = optuna.create_study()
    trial = study.ask()

    study._storage.set_trial_system_attr(trial._trial_id, "key", "value")

    assert study.trials[0].system_attrs == {"key": "value"}
    assert study.trials[0]._trial_id == trial._trial_id


def test_optuna_the_storage_in_memory_takes_a_whole_trial_by_set_trial():
    assert parameters(InMemoryStorage._set_trial) == ["self", "trial_id", "trial"]


@pytest.mark.filterwarnings("ignore:.*is experimental")
@pytest.mark.parametrize("sampler", [NSGAIISampler, NSGAIIISampler])
def test_optuna_evolutionary_samplers_say_where_they_keep_generations_and_parents(sampler):
    made = sampler(seed=0)

    assert made._get_generation_key().endswith("generation")
    assert made._get_parent_cache_key_prefix().endswith(":")


@pytest.mark.parametrize("is_multivariate", [False, True])
def test_optuna_tpe_says_whether_it_draws_parameters_together(is_multivariate):
    assert TPESampler(multivariate=is_multivariate)._multivariate is is_multivariate


def test_optuna_the_codes_of_the_journal_are_what_we_write(tmp_path):
    path = tmp_path / "journal"
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(path))))
    study._storage.set_study_system_attr(study._study_id, "note", 1)
    trial = study.ask()
    trial.set_user_attr("key", 1)
    study.tell(trial, 1.0)

    codes = [json.loads(line)["op_code"] for line in path.read_text().splitlines()]

    # Study, its note, trial, user attribute, end: the codes in `nas.study.journal`.
    assert codes == [0, 3, 4, 8, 6]


def test_optuna_the_tables_of_databases_have_the_columns_that_we_fill():
    from optuna.storages._rdb import models

    columns = {
        model.__tablename__: {column.name for column in model.__table__.columns}
        for model in (
            models.TrialModel,
            models.TrialParamModel,
            models.TrialValueModel,
            models.TrialUserAttributeModel,
            models.TrialSystemAttributeModel,
        )
    }

    assert columns["trials"] >= {"trial_id", "number", "study_id", "state"}
    assert columns["trial_params"] >= {
        "trial_id",
        "param_name",
        "param_value",
        "distribution_json",
    }
    assert columns["trial_values"] >= {"trial_id", "objective", "value", "value_type"}
    assert columns["trial_user_attributes"] >= {"trial_id", "key", "value_json"}
    assert columns["trial_system_attributes"] >= {"trial_id", "key", "value_json"}
    assert models.TrialValueModel.TrialValueType.FINITE is not None


def test_hydra_overrides_are_parsed_and_say_whether_they_sweep():
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()

    assert parser.parse_override("a.b=1,2").is_sweep_override()
    assert parser.parse_override("a.b=1,2").get_key_element() == "a.b"
    assert not parser.parse_override("a.b=[1,2]").is_sweep_override()


def test_hydra_plugins_may_add_a_folder_to_the_search_path():
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    assert parameters(Plugins.register) == ["self", "clazz"]
    assert parameters(SearchPathPlugin.manipulate_search_path) == ["self", "search_path"]
    assert parameters(ConfigSearchPath.append)[1:3] == ["provider", "path"]


def test_hydra_the_global_object_shows_configurations():
    from hydra._internal.hydra import Hydra
    from hydra.core.global_hydra import GlobalHydra

    assert callable(GlobalHydra.instance)
    assert callable(Hydra.show_cfg)
    assert callable(Hydra.show_info)


def test_timm_the_blocks_of_mobilenets_take_what_we_give():
    from timm.models._efficientnet_blocks import (
        DepthwiseSeparableConv,
        InvertedResidual,
        SqueezeExcite,
    )
    from timm.models._efficientnet_builder import efficientnet_init_weights

    assert {"in_chs", "out_chs", "dw_kernel_size", "stride", "act_layer", "se_layer"} <= set(
        parameters(DepthwiseSeparableConv)
    )
    assert {"in_chs", "out_chs", "dw_kernel_size", "exp_ratio"} <= set(
        parameters(InvertedResidual)
    )
    assert "rd_ratio" in parameters(SqueezeExcite)
    assert parameters(efficientnet_init_weights)[0] == "model"


def test_timm_mobilenetv3_is_made_by_a_function_of_variant_and_width():
    from timm.models.mobilenetv3 import _gen_mobilenet_v3

    assert parameters(_gen_mobilenet_v3)[:2] == ["variant", "channel_multiplier"]


def test_timm_the_builder_takes_class_variant_and_pretrained():
    from timm.models import build_model_with_cfg

    assert parameters(build_model_with_cfg)[:3] == ["model_cls", "variant", "pretrained"]


def test_torch_all_batch_norms_share_a_class():
    from torch.nn.modules.batchnorm import _BatchNorm

    for norm in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm):
        assert issubclass(norm, _BatchNorm)


def test_torch_a_dispatch_mode_sees_every_operation():
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(func.overloadpacket)
            return func(*args, **(kwargs or {}))

    with Watch():
        torch.zeros(2, 2) @ torch.zeros(2, 2)

    assert torch.ops.aten.mm in seen


def test_torch_nested_values_are_walked_by_tree_iter():
    from torch.utils._pytree import tree_iter

    assert list(tree_iter({"a": [1, (2, 3)]})) == [1, 2, 3]


def test_torch_inductor_packages_exported_programs():
    from torch._inductor import aoti_compile_and_package, aoti_load_package

    assert parameters(aoti_compile_and_package)[0] == "exported_program"
    assert parameters(aoti_load_package)[0] == "path"


def test_torch_pruning_knows_groups_of_attention_and_their_channels():
    torch_pruning = pytest.importorskip("torch_pruning")
    pruner = torch_pruning.pruner.BasePruner

    assert parameters(pruner._is_atten_group) == ["self", "group"]
    assert parameters(pruner._downstream_node_as_root_if_attention) == ["self", "group"]
    assert parameters(pruner._get_channel_groups) == ["self", "group"]


def test_ray_the_memory_monitor_names_whom_it_ended():
    """The words are written by Ray's C++; its binary must still hold them."""
    from pathlib import Path

    import ray

    raylet = Path(ray.__file__).parent / "core/src/ray/raylet/raylet"
    words = raylet.read_bytes()

    assert b"Selected to kill: " in words
    assert b"actual memory used=" in words
