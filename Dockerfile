# What runs a step of the compiled pipeline on Kubeflow or Vertex (docs/images.md). Two targets: `cpu`, the last one and so
# the default, and `gpu`, which has the same first layers.
#
# PYTHON decides on the stack: 3.10 is TFX 1.16, 3.11 to 3.13 are TFX 1.21. BASE is what the image consists of besides
# packages, BUILD_BASE the same with a compiler and pip, for the one package without wheels; it does not reach the image.
# Both as image@sha256:... give the same image again; cloudbuild.yaml does that.
ARG PYTHON=3.13
ARG BASE=python:${PYTHON}-slim-trixie
ARG BUILD_BASE=python:${PYTHON}-trixie

FROM ${BUILD_BASE} AS packages
ARG PYTHON
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /build
COPY requirements/runtime-*.txt requirements/
# An environment without pip. The files of this Python's stack, without its name, for the stages below.
RUN case ${PYTHON} in 3.10) stack=tfx1.16 ;; 3.11 | 3.12 | 3.13) stack=tfx1.21 ;; *) exit 2 ;; esac \
    && for kind in runtime runtime-cpu runtime-gpu; do cp "requirements/$kind-$stack.txt" "$kind.txt"; done \
    && sed -n '/^setuptools==/,/[^\\]$/p' runtime.txt > setuptools.txt \
    && "python${PYTHON}" -m venv --without-pip /opt/ratchet
# pip compiles what it installs to bytecode, which a user who may not write there could never keep. setuptools comes first,
# so that the package that is built is built with what the lock names.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    install() { python3 -m pip --python /opt/ratchet/bin/python install --no-cache-dir --disable-pip-version-check \
        --root-user-action=ignore --no-deps --require-hashes --no-build-isolation -r "$1"; } \
    && install setuptools.txt && install runtime.txt

FROM packages AS tensorflow-cpu
# Headers are for compiling, and nothing is compiled any more.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m pip --python /opt/ratchet/bin/python install --no-cache-dir --disable-pip-version-check \
        --root-user-action=ignore --no-deps --require-hashes --root /tensorflow -r runtime-cpu.txt \
    && rm -r /tensorflow/opt/ratchet/lib/python*/site-packages/tensorflow/include

FROM packages AS tensorflow-gpu
# All of CUDA's libraries in one directory for the loader, wherever TensorFlow of this version looks for them itself.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m pip --python /opt/ratchet/bin/python install --no-cache-dir --disable-pip-version-check \
        --root-user-action=ignore --no-deps --require-hashes --root /tensorflow -r runtime-gpu.txt \
    && rm -r /tensorflow/opt/ratchet/lib/python*/site-packages/tensorflow/include \
    && mkdir /tensorflow/opt/ratchet/cuda \
    && ln -s --relative --target-directory /tensorflow/opt/ratchet/cuda \
        /tensorflow/opt/ratchet/lib/python*/site-packages/nvidia/*/lib/*.so*

FROM packages AS product
COPY setup.py pyproject.toml README.md ./
COPY ratchet/__init__.py ratchet/__main__.py ratchet/
COPY schemas schemas
COPY components components
COPY pipeline pipeline
COPY kubeflow kubeflow
# The schema at the place that compiled pipelines name too (IMAGE_DIRECTORY in kubeflow/compile.py).
RUN python3 -m pip --python /opt/ratchet/bin/python install --no-cache-dir --disable-pip-version-check \
        --root-user-action=ignore --no-deps --no-build-isolation --no-index --root /product . \
    && install -D --mode 644 --target-directory /product/ratchet/schemas schemas/*.pbtxt

FROM ${BASE} AS runtime
# Group 0 and a home that it may write to: clusters that choose a user of their own choose one of that group.
ARG USER_ID=10001
RUN useradd --uid "${USER_ID}" --gid 0 --no-log-init --create-home ratchet \
    && chmod g=u /home/ratchet
# No ENTRYPOINT: the runners give the whole command.
ENV PATH=/opt/ratchet/bin:${PATH} \
    HOME=/home/ratchet \
    PYTHONUNBUFFERED=1 \
    TF_USE_LEGACY_KERAS=1
WORKDIR /home/ratchet
COPY --from=packages /opt/ratchet /opt/ratchet
USER ${USER_ID}

FROM runtime AS gpu
# Where Kubernetes' device plugins put the driver; the other two are for those that ask the image what it wants.
ENV LD_LIBRARY_PATH=/opt/ratchet/cuda:/usr/local/nvidia/lib64 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=tensorflow-gpu /tensorflow/ /
COPY --from=product /product/ /
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Ratchet, GPU" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.revision="${REVISION}"

FROM runtime AS cpu
COPY --from=tensorflow-cpu /tensorflow/ /
COPY --from=product /product/ /
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Ratchet" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.revision="${REVISION}"
