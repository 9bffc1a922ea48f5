#!/bin/bash
# Every study of the paper's findings on small sizes: that they work, not what they find.
#
#     bash doc/studies/run_quick.sh OUT [DATA]
#
# DATA holds mnist.npz and cifar10.npz; without it they are fetched from OpenML.
set -euo pipefail
here=$(dirname "$0")
out=$1
python=${PYTHON:-python}
data=()
if [ $# -gt 1 ]; then data=(--data-home "$2"); fi
quick=(--quick --out "$out" --seeds 1)
networks=("${quick[@]}" --cache "$out/cache" "${data[@]}")

"$python" "$here/toy_entropy.py" "${quick[@]}"
"$python" "$here/toy_mutual_info.py" "${quick[@]}"
"$python" "$here/intuition.py" "${quick[@]}"
"$python" "$here/estimators.py" --quick --out "$out"
"$python" "$here/training_dynamics.py" "${networks[@]}"
"$python" "$here/initialisation.py" "${networks[@]}"
"$python" "$here/across_models.py" "${networks[@]}"
"$python" "$here/findings.py" --out "$out"
