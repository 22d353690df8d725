"""What are vectors of texts worth? A linear classifier on top of the frozen encoder.

Logistic regression on the vectors (Alain and Bengio, 2016, https://arxiv.org/abs/1610.01644). The
strength of its penalty is the one that errs least on a fifth of the training texts; then it learns
from all of them. The same classifier on counts of words, weighed by how few texts have them
(TF-IDF), says what the texts give without any encoder.

    N texts, W width
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nas.data.labelled_texts import LabelledTexts
from nas.models.encoder import Encoder

_STRENGTHS = (1.0, 10.0, 100.0)
_HELD_OUT = 5  # one training text of so many chooses the strength
_TOKENS_AT_ONCE = 4096

Vectors = npt.NDArray[np.float32]


def probe_accuracy(texts: LabelledTexts, train: Any, test: Any) -> float:
    """Return the share of the test texts that get their label.

    Args:
        texts: have the labels.
        train: (N, W) numbers of the training texts; an array or a sparse matrix.
        test: of the test texts.
    """
    from sklearn.linear_model import LogisticRegression  # takes seconds to import

    labels = np.array(texts.train_labels)
    is_held_out = np.arange(len(labels)) % _HELD_OUT == 0
    held_out, rest = np.flatnonzero(is_held_out), np.flatnonzero(~is_held_out)

    def fitted(strength: float, places: npt.NDArray[np.intp]) -> Any:
        return LogisticRegression(C=strength, max_iter=200).fit(train[places], labels[places])

    scores = [fitted(c, rest).score(train[held_out], labels[held_out]) for c in _STRENGTHS]
    best = _STRENGTHS[int(np.argmax(scores))]
    ready = fitted(best, np.arange(len(labels)))
    return float(ready.score(test, np.array(texts.test_labels)))


def accuracy_of_words(texts: LabelledTexts) -> float:
    """Return the accuracy of the same classifier on words alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True)
    train = words.fit_transform(texts.train).tocsr()
    return probe_accuracy(texts, train, words.transform(texts.test).tocsr())


def accuracy_of_encoder(
    model: Encoder, texts: LabelledTexts, *, tokenizer: str, length: int, device: torch.device
) -> float:
    """Return the accuracy of a classifier on the vectors of an encoder.

    Args:
        model: in evaluation mode, on the device.
        texts: to be classified.
        tokenizer: content of the tokenizer.json that the encoder reads.
        length: most tokens of a text, with those that begin and end it; longer ones are cut.
        device: of the model.
    """
    train, test = (
        _vectors(model, side, tokenizer=tokenizer, length=length, device=device)
        for side in (texts.train, texts.test)
    )
    # What all vectors share tells nothing, and a penalty must not depend on how far they spread.
    centre = train.mean(axis=0)
    spread = max(float(np.sqrt(np.square(train - centre).sum(axis=1).mean())), 1e-12)
    return probe_accuracy(texts, (train - centre) / spread, (test - centre) / spread)


def _vectors(
    model: Encoder, texts: Sequence[str], *, tokenizer: str, length: int, device: torch.device
) -> Vectors:
    """Return the vectors (N, W) of texts, in their order; those of like length run together."""
    from tokenizers import Tokenizer

    ready = Tokenizer.from_str(tokenizer)
    ready.enable_truncation(length)
    ready.no_padding()
    ids = [text.ids for text in ready.encode_batch(list(texts))]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    run = model.portable
    found: list[torch.Tensor] = [torch.empty(0)] * len(ids)
    at_once = max(1, _TOKENS_AT_ONCE // length)
    with torch.inference_mode():
        for first in range(0, len(order), at_once):
            places = order[first : first + at_once]
            parts = [torch.tensor(ids[place]) for place in places]
            tokens = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
            lengths = torch.tensor([len(part) for part in parts])
            mask = torch.arange(tokens.shape[1]) < lengths[:, None]
            vectors = run.embed(tokens.to(device), mask.to(device)).float().cpu()
            for place, vector in zip(places, vectors, strict=True):
                found[place] = vector
    return torch.stack(found).numpy()
