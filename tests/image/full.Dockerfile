# For comparison only: an image of the whole lock, as a checkout with `make .venv/ready` has it, bytecode not compiled.
ARG PYTHON=3.13
ARG BASE=python:${PYTHON}-slim-trixie
ARG BUILD_BASE=python:${PYTHON}-trixie

FROM ${BUILD_BASE} AS full
ARG PYTHON
WORKDIR /ratchet
COPY requirements/lock-*.txt requirements/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    case ${PYTHON} in 3.10) stack=tfx1.16 ;; *) stack=tfx1.21 ;; esac \
    && "python${PYTHON}" -m venv --without-pip /ratchet/.venv \
    && sed -n '/^setuptools==/,/[^\\]$/p' "requirements/lock-$stack.txt" > setuptools.txt \
    && for file in setuptools.txt "requirements/lock-$stack.txt"; do \
        python3 -m pip --python /ratchet/.venv/bin/python install --no-cache-dir --root-user-action=ignore --no-compile \
            --no-deps --require-hashes --no-build-isolation -r "$file" || exit 1; \
    done
COPY . .
RUN python3 -m pip --python /ratchet/.venv/bin/python install --no-cache-dir --root-user-action=ignore --no-compile \
    --no-deps --no-build-isolation --no-index .

FROM ${BASE}
ENV PATH=/ratchet/.venv/bin:${PATH} TF_USE_LEGACY_KERAS=1
COPY --from=full /ratchet /ratchet
RUN useradd --uid 10001 --no-log-init --create-home ratchet
USER 10001
WORKDIR /home/ratchet
