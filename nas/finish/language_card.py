"""The model card of a language model: README.md beside its files, which states what was measured.

After Mitchell et al. 2019, "Model Cards for Model Reporting"; its head is the Hugging Face hub's.
"""

import math
import platform
from collections.abc import Sequence
from dataclasses import asdict

from nas.data.documents import SPLITS
from nas.data.text import TextData
from nas.export.language_files import LanguageNetwork, loads_in_transformers
from nas.record.artefacts import ArtefactRow
from nas.record.environment import collect_environment
from nas.record.winners import WinnerRow
from nas.train.token_recipe import TokenRecipe


def language_card(
    network: LanguageNetwork,
    row: WinnerRow,
    files: Sequence[ArtefactRow],
    *,
    dataset: TextData,
    recipe: TokenRecipe,
    license_name: str,
    command: str,
) -> str:
    """Return the text of README.md for one model.

    Args:
        network: what is shipped.
        row: its confirmation, over retrainings.
        files: its files.
        dataset: what it learnt from and was tested on.
        recipe: how it was trained.
        license_name: of the weights, as the user states it; empty if not stated.
        command: what makes the files again.
    """
    parts = [
        f"---\nlicense: {license_name or 'unknown'}\npipeline_tag: text-generation\n---",
        _summary(network, row, dataset),
        _files(files),
        _use(network),
        _data(dataset),
        _training(network, recipe, command),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(network: LanguageNetwork, row: WinnerRow, dataset: TextData) -> str:
    plan = network.model.plan
    within = (
        "–"
        if math.isnan(row.confidence_low)
        else (f"{row.confidence_low:.4f} to {row.confidence_high:.4f}")
    )
    facts = {
        f"test bits per byte, {row.of_retrainings}": f"{row.test_mean:.4f}",
        "95 % interval of that mean": within,
        "validation bits per byte in the search": f"{row.search_value:.4f}",
        "parameters": f"{row.num_params:,.0f}",
        "vocabulary": f"{plan.vocabulary:,}",
        "context, tokens": f"{plan.context:,}",
    }
    made = "" if network.variant == "retrained" else f", {network.variant}"
    lines = [f"# {row.name} on {dataset.name}{made}", "", "| | |", "| --- | --- |"]
    return "\n".join(lines + [f"| {words} | {value} |" for words, value in facts.items()])


def _files(files: Sequence[ArtefactRow]) -> str:
    head = "| file | bytes | test bits per byte | same guess as torch | tokens a second |"
    lines = ["## Files", "", head, "| --- | ---: | ---: | ---: | ---: |"]
    for file in files:
        name = file.file.rpartition("/")[2]
        speed = 1000.0 / file.latency_ms
        lines.append(
            f"| {name} | {file.size_bytes:,} | {file.test_value:.4f} | "
            f"{100 * file.agreement:.2f} % | {speed:,.0f} |"
        )
    end = (
        f"Measured by running each file with generate.py on {platform.machine()}, "
        f"{files[0].num_threads} CPU thread, one text at a time. Weights of 8 and 4 bits make the "
        "files smaller; generate.py turns them into floats when it reads them."
    )
    return "\n".join([*lines, "", end])


def _use(network: LanguageNetwork) -> str:
    own = "## Use\n\nWith torch alone:\n\n```sh\npython generate.py 'import ' --tokens 100\n```"
    if not loads_in_transformers(network):
        return (
            f"{own}\n\nSome layers have linear attention as no model of transformers has it; "
            "generate.py alone runs this model."
        )
    code = [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'model = AutoModelForCausalLM.from_pretrained(".")',
        'tokenizer = AutoTokenizer.from_pretrained(".")',
        'tokens = tokenizer("import ", return_tensors="pt").input_ids',
        "print(tokenizer.decode(model.generate(tokens, max_new_tokens=32)[0]))",
    ]
    listing = "\n".join(code)
    return f"{own}\n\nWith transformers, in this folder:\n\n```python\n{listing}\n```"


def _data(dataset: TextData) -> str:
    stretches = next(iter(dataset.tokenized.values())).file.stretches
    sizes = ", ".join(f"{stretches[word].num_bytes:,} bytes {word}" for word in SPLITS)
    return (
        f"## Data\n\n{dataset.name}: {sizes}. Split: {dataset.split_rule}. The model learnt from "
        f"train and validation together. It was judged by the test split, by at most "
        f"{dataset.judged_tokens:,} tokens from all over it, which took no part in any choice."
    )


def _training(network: LanguageNetwork, recipe: TokenRecipe, command: str) -> str:
    told = {key: value for key, value in asdict(recipe).items() if value is not None}
    listed = ", ".join(f"{key} {value}" for key, value in told.items())
    found = collect_environment()
    packages = ", ".join(f"{name} {version}" for name, version in found.packages.items())
    return (
        f"## Training\n\n{network.architecture.describe()}\n\nRecipe: {listed}.\n\n"
        f"Made again by\n\n```sh\n{command}\n```\n\n## Environment\n\n"
        f"Python {found.python}, {packages}; {found.platform}; {found.cpu}."
    )
