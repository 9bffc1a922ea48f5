"""Mutual information: what is drawn is what was measured."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skdse import DiffusionSpectralMI
from skdse.plotting import MutualInfoDisplay


def test_terms_of_the_groups(dsmi):
    display = MutualInfoDisplay.from_estimator(dsmi)
    groups, subsets = display.lines_
    np.testing.assert_array_equal(groups.get_xdata(), dsmi.group_entropies_)
    np.testing.assert_array_equal(subsets.get_xdata(), np.full(10, dsmi.entropy_))
    # The mean gap, weighted by the sizes drawn, is the mutual information.
    gaps = subsets.get_xdata() - groups.get_xdata()
    mean = np.average(gaps, weights=display.group_sizes)
    assert mean == pytest.approx(dsmi.mutual_info_)
    assert display.ax_.get_xlabel() == "entropy [bits]"
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names[0] == f"0 (n={np.sum(dsmi.labels_ == 0)})"
    error = dsmi.mutual_info_std_error_
    assert (
        display.ax_.get_title() == f"DSMI = {dsmi.mutual_info_:.3f} ± {error:.3f} bits"
    )
    assert display.bars_ is None


def test_subsets_of_the_size_of_each_group():
    display = MutualInfoDisplay(
        mutual_info=1.0,
        std_error=0.1,
        groups=["a", "b"],
        group_entropies=[1.0, 2.0],
        subset_entropies=[2.0, 3.5],
    ).plot()
    assert display.lines_[1].get_xdata().tolist() == [2, 3.5]
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["S(X | Y = y)", "E S(X*), its size"]
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["a", "b"]


def test_null_distribution_and_terms_side_by_side(dsmi, permutation_test):
    display = MutualInfoDisplay.from_estimator(dsmi, test=permutation_test)
    assert len(display.axes_) == 2
    assert display.ax_ is display.axes_[0]
    assert sum(bar.get_height() for bar in display.bars_) == 200
    edges = [bar.get_x() for bar in display.bars_]
    assert edges[0] == permutation_test.null_distribution.min()
    found = display.axes_[1].lines[0]
    assert set(found.get_xdata()) == {dsmi.mutual_info_}
    assert found.get_label() == f"found, p = {permutation_test.pvalue:.2g}"
    assert display.axes_[1].get_xlabel() == "DSMI [bits]"


def test_share_has_its_unit(digits):
    X, y = digits
    share = DiffusionSpectralMI(normalize=True, n_repeats=1, random_state=0).fit(X, y)
    display = MutualInfoDisplay.from_estimator(share)
    # A single repeat has no error.
    assert display.ax_.get_title() == f"DSMI = {share.mutual_info_:.3f} share"
    assert display.ax_.get_xlabel() == "entropy [bits]"


def test_many_groups_are_sorted_and_not_named(digits):
    X, _ = digits
    fitted = DiffusionSpectralMI(random_state=0).fit(X, np.arange(150) // 3)
    display = MutualInfoDisplay.from_estimator(fitted)
    drawn = display.lines_[0].get_xdata()
    np.testing.assert_array_equal(drawn, np.sort(fitted.group_entropies_))
    assert display.ax_.get_ylabel() == "groups, by their entropy"


def test_other_kinds_are_refused_by_mutual_info(dense, dsmi):
    with pytest.raises(TypeError, match="fitted DiffusionSpectralMI"):
        MutualInfoDisplay.from_estimator(dense)
    with pytest.raises(NotFittedError):
        MutualInfoDisplay.from_estimator(DiffusionSpectralMI())
    with pytest.raises(TypeError, match=r"test must be .* got 0\.5"):
        MutualInfoDisplay.from_estimator(dsmi, test=0.5)
