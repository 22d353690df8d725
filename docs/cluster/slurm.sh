#!/usr/bin/env bash
# A search on all nodes of a Slurm allocation: sbatch --nodes=4 docs/cluster/slurm.sh name=first
#SBATCH --job-name=nas
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

# Activate your environment here, such as: source .venv/bin/activate

nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 -w "$head" hostname --ip-address | awk '{print $1}')
port=$((20000 + SLURM_JOB_ID % 10000)) # several jobs may share a node

# A password of this job alone; whoever lacks it is refused by Ray.
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_ADDRESS="$address:$port"

srun --nodes=1 --ntasks=1 -w "$head" \
  ray start --head --node-ip-address="$address" --port="$port" --include-dashboard=false --block &
started=$!
for _ in $(seq 60); do
  if ray status >/dev/null 2>&1; then break; fi
  if ! kill -0 "$started" 2>/dev/null; then echo "Ray's head did not start on $head" >&2; exit 1; fi
  sleep 1
done
others=$((${#nodes[@]} - 1))
if ((others > 0)); then
  srun --nodes="$others" --ntasks="$others" --exclude="$head" ray start --address="$RAY_ADDRESS" --block &
fi

# The search itself; Slurm's SIGTERM goes to this shell, which hands it on and waits.
nas search execution=ray execution.address="$RAY_ADDRESS" "$@" &
search=$!
trap 'kill -TERM "$search"' TERM
status=0
wait "$search" || status=$?
if kill -0 "$search" 2>/dev/null; then status=0; wait "$search" || status=$?; fi
exit "$status"
