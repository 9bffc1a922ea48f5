"""Where the time of a call goes: seconds by stage of skdse, told from outside.

Python tells of each call and return. Functions and files of skdse belong to stages, and
the innermost one gets the time, with whatever it calls, BLAS and LAPACK included. The
sum over all stages is the time of the call. Where the main thread waits for threads of
skdse, its time is shared out by the processor time of the stages in those.
"""

import sys
import threading
import time
from collections import Counter

REST = "rest"
SEARCH, BANDWIDTH, AFFINITY, PRODUCTS, ORTHOGONAL, QUADRATURE, DENSE = STAGES = (
    "search",
    "bandwidth",
    "affinity",
    "products",
    "orthogonalisation",
    "quadrature",
    "dense solver",
)
# Files of skdse, and functions in them that are something else than their file.
STAGE_OF = {
    "_spectra/neighbors.py": SEARCH,
    "_spectra/searches.py": SEARCH,
    "_spectra/paired_tiles.py": SEARCH,
    "_spectra/smallest.py": SEARCH,
    "_spectra/tiled_search.py": SEARCH,
    "_spectra/cell_search.py": SEARCH,
    "_spectra/device_search.py": SEARCH,
    "_spectra/bandwidth.py": BANDWIDTH,
    "_spectra/medians.py": BANDWIDTH,
    "_spectra/matching.py": BANDWIDTH,
    "_spectra/drift.py": BANDWIDTH,
    "_spectra/kernels.py": AFFINITY,
    "_spectra/gibbs.py": AFFINITY,
    "_spectra/affinity.py": AFFINITY,
    "_spectra/device_distances.py": AFFINITY,
    "_spectra/given.py": AFFINITY,
    "_spectra/given_affinities.py": AFFINITY,
    "_spectra/given_graph.py": SEARCH,
    "_spectra/neighbor_lists.py": SEARCH,
    "_spectra/neighbor_lists.py:NeighborLists.edges": AFFINITY,
    "_spectra/neighbor_lists.py:PartOfLists.edges": AFFINITY,
    "_spectra/affinity.py:Affinity.fit": BANDWIDTH,
    "_spectra/affinity.py:Affinity.fit_in_frame": BANDWIDTH,
    "_spectra/affinity.py:NearestNeighbors.fit_in_frame": BANDWIDTH,
    "_spectra/matrices.py": PRODUCTS,
    "_spectra/device_matrices.py": PRODUCTS,
    "_spectra/triton_tiles.py": PRODUCTS,
    "_spectra/tiles.py": PRODUCTS,
    "_spectra/tiles.py:TiledKernel._make": AFFINITY,
    "_spectra/tiles.py:TiledKernel.toarray": AFFINITY,
    "_spectra/diffusion.py": PRODUCTS,
    "_spectra/diffusion.py:DiffusionOperator.toarray": AFFINITY,
    "_spectra/lanczos/krylov.py": ORTHOGONAL,
    "_spectra/lanczos/recurrence.py": QUADRATURE,
    "_spectra/lanczos/recurrence.py:begin": ORTHOGONAL,
    "_spectra/lanczos/recurrence.py:advance": ORTHOGONAL,
    "_spectra/lanczos/quadrature.py": QUADRATURE,
    "_spectra/lanczos/density.py": QUADRATURE,
    "_spectra/small_sets.py:_affinities": AFFINITY,
    "_spectra/stacks.py": AFFINITY,
    "_spectra/stacks.py:eigenvalues": DENSE,
    "_spectra/stacks.py:bandwidth_of_distances": BANDWIDTH,
    "_spectra/bands.py": DENSE,
    "_spectra/lapack.py": DENSE,
    "_spectra/solvers.py:solve_dense": DENSE,
    "_spectra/solvers.py:solve_dense32": DENSE,
}
# Stages that are told apart within these; all else there is theirs.
WITHIN = {
    SEARCH: (),
    BANDWIDTH: (SEARCH,),
    QUADRATURE: (),
    DENSE: (AFFINITY,),
}
# Functions that wait for threads.
WAITS = ("_tools/parallel.py:map_threads", "_tools/parallel.py:run_tasks")
# Passes over an affinity, over tiles for several things at once, and the files of the
# classes that make them.
PASSES = ("matvec", "matmat", "scaled_matmat", "squares_matvec", "_sums_of_tiles")
OF_MATRICES = ("_spectra/matrices.py", "_spectra/tiles.py")


class StageClock:
    """Context that tells how long the stages within it take; in one thread at a time.

    Attributes
    ----------
    seconds : dict of str to float
        Seconds by stage, and of the rest.
    n_products : int
        Passes over an affinity: products with a vector or a block, in all threads.
    """

    def __enter__(self):
        self.seconds = dict.fromkeys((*STAGES, REST), 0.0)
        self.n_products = 0
        self._lock = threading.Lock()
        self._waited = Counter()  # processor time of threads by stage, to be shared out
        self._own = threading.local()
        self._own.track = _Track(self._charge, time.perf_counter, REST)
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)
        threading.setprofile(None)
        self._own.track.charge()

    def _see(self, frame, event, arg):
        """Take note of a call or a return in a thread."""
        if event not in ("call", "return"):
            return
        where = place(frame.f_code)
        track = getattr(self._own, "track", None)
        if track is None:
            # No stage of its own: what it does is for the stage that waits for it.
            track = self._own.track = _Track(self._charge_thread, time.thread_time)
        if event == "call":
            self._enter(track, where, frame)
        else:
            self._leave(track, where)

    def _enter(self, track, where, frame):
        if where.is_pass and not place(frame.f_back.f_code).is_pass:
            with self._lock:
                self.n_products += 1
        if where.stage:
            track.enter(where.stage)
        elif where.waits:
            track.charge()

    def _leave(self, track, where):
        if where.stage:
            track.leave()
        elif where.waits or track.is_of_thread:
            track.charge()

    def _charge(self, stage, seconds):
        """Time of the main thread: its own, or that of the threads it waited for."""
        with self._lock:
            waited, self._waited = self._waited, Counter()
        if not waited:
            waited = Counter({None: 1.0})
        total = sum(waited.values())
        for inner, share in waited.items():
            self.seconds[told_apart(stage, inner)] += seconds * share / total

    def _charge_thread(self, stage, seconds):
        with self._lock:
            self._waited[stage] += seconds


class _Track:
    """Stages that a thread is in, and the time since it last changed."""

    def __init__(self, give, clock, stage=None):
        self.is_of_thread = stage is None
        self._give, self._clock = give, clock
        self._stack, self._since = [stage], clock()

    def enter(self, stage):
        """Go into a stage, or stay where it is not told apart."""
        self.charge()
        self._stack.append(told_apart(self._stack[-1], stage))

    def leave(self):
        """Go back to where the stage was entered."""
        self.charge()
        if len(self._stack) > 1:
            self._stack.pop()

    def charge(self):
        """Give the time until now to the stage."""
        now = self._clock()
        self._give(self._stack[-1], now - self._since)
        self._since = self._clock()


class _Place:
    """What a function of skdse is, by its file and its name there."""

    def __init__(self, code):
        self.code = code  # kept, or another one might get its id
        path = code.co_filename.replace("\\", "/")
        file = path.rpartition("/skdse/")[2] if "/skdse/" in path else ""
        name = f"{file}:{code.co_qualname}"
        self.stage = STAGE_OF.get(name, STAGE_OF.get(file))
        self.waits = name in WAITS
        self.is_pass = file in OF_MATRICES and code.co_name in PASSES


_places = {}


def place(code):
    """What the function of a code object is."""
    # By id: code objects of different files can be equal.
    found = _places.get(id(code))
    if found is None:
        found = _places[id(code)] = _Place(code)
    return found


def told_apart(outer, inner):
    """Stage of what is done for `inner` within `outer`."""
    if inner is None or inner not in WITHIN.get(outer, STAGES):
        return outer
    return inner
