#!/usr/bin/env bash
# One film on a Slurm cluster: sh docs/cluster/slurm.sh IN OUT [RECIPE]. IN, OUT and FrameFlow lie on a file system that all nodes share, whose locks (flock)
# work between them. The film is planned here, its segments are an array, the joining waits for the array.
set -euo pipefail
frameflow=${FRAMEFLOW:-./frameflow}
in=$1 out=$2 recipe=${3:-smooth-60}
segments=$("$frameflow" plan "$in" -o "$out" --recipe "$recipe" | python3 -c 'import json, sys; print(json.load(sys.stdin)["segments"])')
array=$(sbatch --parsable --job-name=ff-segment --array="0-$((segments - 1))" --cpus-per-task=8 --requeue \
  --wrap="exec '$frameflow' segment \$SLURM_ARRAY_TASK_ID -o '$out' --threads \$SLURM_CPUS_PER_TASK")
sbatch --job-name=ff-join --dependency="afterok:$array" --wrap="exec '$frameflow' join -o '$out'"
