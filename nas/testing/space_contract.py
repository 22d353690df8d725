"""What every search space must keep, as pytest classes that a user's own space subclasses.

    from nas.testing.space_contract import SpaceContract

    class TestMySpace(SpaceContract):
        def make_space(self):
            return MySpace()

pytest then runs one test for each clause; `data_shapes` and `num_architectures` may be overridden.
"""

import pickle
from typing import ClassVar

import numpy as np
import torch

from nas.architecture import Architecture
from nas.evaluation.space_check import Fault, Finding, check_space
from nas.measure.cost import example_inputs
from nas.space.space import SearchSpace
from nas.task import DataShape


class SpaceContract:
    """Tests of one search space.

    Attributes:
        data_shapes: images and classes that it must build for.
        num_architectures: how many are drawn for each clause.
        seed: of the draws.
    """

    data_shapes: ClassVar[tuple[DataShape, ...]] = (
        DataShape((1, 8, 8), 10),
        DataShape((3, 16, 16), 7),
    )
    num_architectures: ClassVar[int] = 12
    seed: ClassVar[int] = 0

    def make_space(self) -> SearchSpace:
        """Return the space under test."""
        raise NotImplementedError(f"{type(self).__name__} must define make_space()")

    def test_it_builds_what_it_describes_at_the_cost_it_says_and_every_parameter_matters(
        self,
    ) -> None:
        """Every fault that `check_space` finds, at each shape of data."""
        for data in self.data_shapes:
            found = check_space(
                self.make_space(), data, num_architectures=self.num_architectures, seed=self.seed
            )
            assert not found, "\n".join(map(str, found))

    def test_an_architecture_survives_its_genome_and_json(self) -> None:
        """The canonical form is one form."""
        space = self.make_space()
        for architecture in self._drawn(space):
            assert space.architecture(space.genome(architecture)) == architecture
            assert Architecture.from_json(architecture.to_json()) == architecture

    def test_a_mutant_is_another_architecture_of_the_space(self) -> None:
        """Mutation stays inside, and moves."""
        space, rng = self.make_space(), np.random.default_rng(self.seed)
        for architecture in self._drawn(space):
            mutant = space.mutate(architecture, rng)
            assert mutant != architecture or space.num_architectures() == 1
            assert space.architecture(mutant) == mutant

    def test_the_same_seed_builds_the_same_network(self) -> None:
        """Two builds from one seed give equal logits for equal images."""
        space, data = self.make_space(), self.data_shapes[0]
        for architecture in self._drawn(space)[:3]:
            one, other = (_logits(space, architecture, data) for _ in range(2))
            assert torch.equal(one, other)

    def test_each_image_is_judged_by_itself(self) -> None:
        """In evaluation an image's logits do not depend on the others of its batch."""
        space, data = self.make_space(), self.data_shapes[0]
        for architecture in self._drawn(space)[:3]:
            model = space.build(architecture, data).eval()
            images = example_inputs(model, data, count=4)
            with torch.no_grad():
                together, alone = model(images), model(images[:1])
            torch.testing.assert_close(together[:1], alone, rtol=1e-3, atol=1e-4)

    def test_it_travels_to_workers(self) -> None:
        """A pickled copy draws the same architectures and builds them."""
        space = self.make_space()
        copy: SearchSpace = pickle.loads(pickle.dumps(space))
        assert self._drawn(copy) == self._drawn(space)
        copy.build(self._drawn(copy)[0], self.data_shapes[0])

    def _drawn(self, space: SearchSpace) -> list[Architecture]:
        rng = np.random.default_rng(self.seed)
        return [space.sample(rng) for _ in range(self.num_architectures)]


def findings_of(space: SearchSpace, data: DataShape, fault: Fault) -> list[Finding]:
    """Return the findings of one kind, for tests of spaces that are faulty on purpose."""
    return [f for f in check_space(space, data, num_architectures=20) if f.fault is fault]


def _logits(space: SearchSpace, architecture: Architecture, data: DataShape) -> torch.Tensor:
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        model = space.build(architecture, data).eval()
        logits: torch.Tensor = model(example_inputs(model, data, count=2))
        return logits
