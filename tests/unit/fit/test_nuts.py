import inspect

from partialpool.fit.nuts import nuts


def test_pymc_tells_its_bars_of_nutpies_progress():
    """A canary: the method that is replaced, and what nutpie tells it."""
    from pymc.progress_bar import NutpieProgressBarManager

    assert callable(NutpieProgressBarManager.update)
    assert len(inspect.signature(NutpieProgressBarManager.update).parameters) == 2


def test_progress_of_all_chains_arrives_and_the_bars_are_as_before(correlated, units):
    from partialpool.model.formula import complete_cases
    from pymc.progress_bar import NutpieProgressBarManager

    before, states = NutpieProgressBarManager.update, []
    nuts(correlated, complete_cases(correlated, units), cores=1, progress=lambda chains: states.append(list(chains)))
    assert NutpieProgressBarManager.update is before
    assert [chain.made for chain in states[-1]] == [correlated.warmup + correlated.draws] * correlated.chains
