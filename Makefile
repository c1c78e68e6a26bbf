# `make demo` and `make test` set everything up by themselves; a second call starts at once.
# Another Python than the newest that this machine can run: `PYTHON=3.12 make demo` (requirements/choose-python.sh).
VENV_PYTHON := .venv/bin/python
export PYRIGHT_PYTHON_CACHE_DIR := $(CURDIR)/.venv/pyright
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Our own modules and tests are compiled once and not by each of the processes that tests start, whatever is set outside.
unexport PYTHONDONTWRITEBYTECODE

# Two processes; what shares a fixture stays in one of them (conftest.py).
PYTEST := $(VENV_PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

# What tests want beside .venv: a browser, and venv where Debian parts it from Python.
.PHONY: FORCE test-tools demo test lint unit e2e newest both-stacks nightly mutants lock audit sbom docs settings-doc cast pictures kubeflow-golden image faults jobs kills poller soak nights bench-metrics bench-scale bench-evaluator bench-nights bench-diagnosis bench-data bench-data-faults bench-deliveries bench-object-store bench-training bench-retraining bench-costs bench-presets bench-ingestion bench-pool real-detector airflow operating-characteristic interval-coverage clean

demo: .venv/ready  ## bootstrap, push and block on generated digits
	@.venv/bin/ratchet demo

test:  ## what CI runs; lint beside the unit tests, for one of its tools takes half of its time on one core
	@$(MAKE) --no-print-directory --jobs=2 lint unit
	@$(MAKE) --no-print-directory e2e

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/hadolint Dockerfile tests/image/full.Dockerfile

# Threads of linear algebra would wait for each other, with as many processes as there are cores.
unit: export OPENBLAS_NUM_THREADS := 1
unit: .venv/ready test-tools  ## eight minutes on two cores, lint beside it; no TensorFlow
	$(PYTEST) -m "not tensorflow"

e2e: .venv/ready  ## a quarter of an hour on two cores; TensorFlow and TFX are started in each of two processes
	$(PYTEST) -m tensorflow

newest:  ## the demo and all of it on Python 3.13 and TFX 1.21 (NEWEST_PYTHON=3.12), if need be in a chroot: an hour
	@requirements/newest.sh make demo test both-stacks

both-stacks: .venv/ready  ## a root made on one stack goes on on the other, and back: ten minutes
	@PYTHON=3.10 requirements/setup-env.sh .tools/tfx1.16
	$(VENV_PYTHON) -m tests.stacks.both_ways --old .tools/tfx1.16/bin/python --new $(VENV_PYTHON)

nightly: export RATCHET_NIGHTLY := 1
nightly: unit e2e  ## the same tests, with many more random examples, simulations, kills, and what is left to the night (docs/testing.md)

mutants: .venv/ready  ## breaks one promise after the other; every time a test has to notice: ten minutes
	$(VENV_PYTHON) -m tests.mutants.run

lock: .venv/ready  ## resolve setup.py again into requirements/lock-*.txt
	requirements/lock.sh

audit: .tools/audit/ready  ## known vulnerabilities of the locks; fails if a database could not be asked
	@$(VENV_PYTHON) -m requirements.audit

sbom: .tools/audit/ready  ## build/sbom.json, what is installed with hashes and licences (CycloneDX)
	@.tools/audit/bin/python -m requirements.sbom

docs: .tools/docs/ready  ## the documents as a site, build/site/index.html; a broken link fails
	@NO_MKDOCS_2_WARNING=1 .tools/docs/bin/mkdocs build --config-file handbook/site/mkdocs.yml
	@echo "build/site/index.html"

cast: .venv/ready .tools/docs/ready  ## docs/images/demo.svg, a terminal in which the demo runs: five minutes
	@$(VENV_PYTHON) -m handbook.cast

pictures: .venv/ready  ## docs/images/review.png of the demo's blocked run (DEMO=ratchet-demo)
	@$(VENV_PYTHON) -m handbook.pictures $(or $(DEMO),ratchet-demo)/root

settings-doc: .venv/ready  ## write docs/settings.md, every setting as its class says it
	@$(VENV_PYTHON) -m handbook.settings_reference

kubeflow-golden: .venv/ready  ## write the compiled pipelines that the tests compare with
	$(VENV_PYTHON) -m tests.kubeflow.update_golden

image: .venv/ready  ## the container image built by podman, looked at, run and measured (IMAGE="--target gpu --compare"): ten minutes
	$(VENV_PYTHON) -m tests.image.build $(IMAGE)

faults: .venv/ready  ## kills, full disks and upsets at every point of the end of real runs: an hour
	RATCHET_ALL_FAULTS=1 $(VENV_PYTHON) -m pytest -q tests/pipeline/run/test_interrupted.py
	rm -rf build/faults build/upsets && mkdir -p build
	$(VENV_PYTHON) -m tests.kills.upsets build/upsets
	$(VENV_PYTHON) -m tests.kills.matrix build/faults

jobs: .venv/ready  ## compiled jobs, executed on an emulated Vertex AI and Cloud Storage: pushed, blocked, killed, in each other's way: a quarter of an hour
	RATCHET_NIGHTLY=1 $(VENV_PYTHON) -m pytest -q tests/kubeflow/executed

kills: .venv/ready  ## a hundred whole runs killed at random: half an hour
	rm -rf build/kills && mkdir -p build
	$(VENV_PYTHON) -m tests.kills.random_kills build/kills

poller: .venv/ready  ## TensorFlow loads each of 200 versions the moment it is seen: two minutes
	$(VENV_PYTHON) -m tests.kills.poller

soak: .venv/ready  ## a hundred runs in a row; nothing grows with their number: half an hour
	rm -rf build/soak && mkdir -p build
	$(VENV_PYTHON) -m tests.nights.nights build/soak --real --runs 100

nights: .venv/ready  ## a thousand nights whose images and training have stand-ins; nothing grows with their number: an hour
	rm -rf build/nights && mkdir -p build
	$(VENV_PYTHON) -m tests.nights.nights build/nights --runs $(or $(N),1000)

bench-metrics: .venv/ready  ## metrics against pycocotools, faster-coco-eval and hotcoco: ten minutes
	$(VENV_PYTHON) -m benchmarks.metrics

bench-scale: .venv/ready  ## the evaluator at 10,000, 100,000 and a million images x 100 detections: half an hour, 15 GB of disk
	$(VENV_PYTHON) -m benchmarks.scale

bench-data: .venv/ready  ## reading and validation against TFX's own, 10,000 images: half an hour
	$(VENV_PYTHON) -m benchmarks.data

bench-data-faults: demo  ## planted faults against the data gate, ten draws of each: two hours
	$(VENV_PYTHON) -m benchmarks.data_faults --root ratchet-demo/root

bench-evaluator: demo  ## the whole evaluator against bare inference of the same models: ten minutes
	$(VENV_PYTHON) -m benchmarks.evaluator --serving ratchet-demo/root/serving/digits

bench-nights: .venv/ready  ## the gate over 200 nights without progress: the table of docs/second-opinion.md, five minutes
	@$(VENV_PYTHON) -m benchmarks.nights

bench-diagnosis: .venv/ready  ## seconds and memory of the diagnosis at 200 and at 100,000 golden images: five minutes
	@$(VENV_PYTHON) -m benchmarks.diagnosis

bench-deliveries: .venv/ready  ## 200,000 images and a million boxes read as COCO and as YOLO: ten minutes
	@$(VENV_PYTHON) -m benchmarks.deliveries

bench-object-store: .venv/ready  ## images read from gs:// one after another and ahead, at 50 ms a request: a minute
	@$(VENV_PYTHON) -m benchmarks.object_store_reading

bench-training: .venv/ready  ## images a second against a bare tf-models loop: five minutes
	$(VENV_PYTHON) -m benchmarks.training_speed

bench-ingestion: .venv/ready  ## CPU seconds and memory of the steps before training, up to 100,000 images: an hour
	$(VENV_PYTHON) -m benchmarks.ingestion

bench-pool: .venv/ready  ## 200,000 images through ExampleGen and statistics, in memory and on Beam's worker pool, where a worker dies: an hour
	$(VENV_PYTHON) -m benchmarks.external_pool --kill

bench-presets: .venv/ready  ## CPU seconds and memory of a training step and a look of each preset: ten minutes
	$(VENV_PYTHON) -m benchmarks.presets

bench-costs: demo  ## what both measured, into pipeline/run/costs.json, docs/presets.md and docs/scale.md
	$(VENV_PYTHON) -m benchmarks.costs --demo ratchet-demo

real-detector: .venv/ready  ## ResNet-50 at 640 px through the whole pipeline, twice, in less than 6 GiB: a quarter of an hour
	RATCHET_NIGHTLY=1 $(VENV_PYTHON) -m pytest -q tests/real_detector

airflow: .venv/ready .tools/airflow/ready  ## templates/nightly/ratchet_dag.py run by Airflow, with every exit code and with a real run: ten minutes
	$(VENV_PYTHON) -m pytest -q tests/templates/test_airflow.py

bench-retraining: .venv/ready  ## what keeps the old and gains the new: an hour
	$(VENV_PYTHON) -m benchmarks.retraining

interval-coverage: .venv/ready  ## what intervals hold and how often equals are blocked, simulated into decision 0007: twenty minutes
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(VENV_PYTHON) -m benchmarks.interval_coverage

operating-characteristic: .venv/ready  ## what the gate lets pass, simulated into docs/: two minutes
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(VENV_PYTHON) -m benchmarks.operating_characteristic

clean:
	rm -rf .venv .tools ratchet-demo

test-tools:
	@requirements/setup-tests.sh

# Looks every time, for the Python that is wanted is nothing that make could compare; a .venv that is the right one stays.
.venv/ready: FORCE
	@requirements/setup-env.sh

FORCE:

.tools/audit/ready: requirements/audit-lock.txt requirements/setup-audit.sh .venv/ready
	@requirements/setup-audit.sh

.tools/docs/ready: requirements/docs-lock.txt requirements/setup-docs.sh
	@requirements/setup-docs.sh

.tools/airflow/ready: requirements/airflow-lock.txt requirements/setup-docs.sh
	@requirements/setup-docs.sh airflow
