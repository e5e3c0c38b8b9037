# The workbench in a container, without root:
#
#   docker build -t embedding-workbench .
#
# For one person there is no sign-in, so it listens on 127.0.0.1 alone, in a container too. A published port (-p) does not
# reach that address; with the host's network the app is at http://127.0.0.1:7860 on that machine and nowhere else:
#
#   docker run --rm --init --network host -v embedding-workbench:/workspace embedding-workbench
#
# Several people sign in, and then it may listen on every address and its port be published:
#
#   docker run --rm -it -v embedding-workbench:/workspace embedding-workbench \
#       python -m workbench.users --file /workspace/users.json add ada
#   docker run --rm --init -p 7860:7860 -v embedding-workbench:/workspace embedding-workbench \
#       python -m workbench --no-browser --workspace /workspace --port 7860 --host 0.0.0.0 \
#       --users /workspace/users.json --allow-host NAME-THAT-BROWSERS-USE
#
# A folder of the host in place of the volume has to belong to the user with the number 1000. A training ends with its
# container; the next container goes on from the last checkpoint when it is resumed.
#
# Packages are of the versions in requirements-pinned.txt. torch is its build for processors where an index has that:
# TORCH_INDEX names PyTorch's own index of such builds. Elsewhere on x86-64 torch brings GPU libraries of several gigabytes, and
# computes on the processor all the same. For a GPU (docker run --gpus all):
#
#   docker build --build-arg TORCH_INDEX=ADDRESS -t embedding-workbench .
#   docker build --build-arg GPU=yes -t embedding-workbench .
#
# Where packages come through a mirror, pip's settings are read at build time and do not stay in the image:
#
#   docker build --secret id=pip,src=pip.conf -t embedding-workbench .
ARG BASE=python:3.11.13-slim-bookworm
FROM ${BASE}

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /app

ARG GPU=""
ARG TORCH_INDEX=""
COPY requirements.txt .
COPY requirements-pinned.txt .
# torch first and alone, so that no other package is looked for in its index
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    torch="$(grep '^torch==' requirements-pinned.txt)" \
    && if [ -z "$GPU" ]; then \
        pip install --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$torch+cpu" \
        || echo "No index has torch's build for processors: the usual one is installed."; \
    fi \
    && pip install -r requirements.txt -c requirements-pinned.txt

RUN useradd --create-home --uid 1000 workbench && install -d -o workbench -g workbench /workspace
COPY data data
COPY core core
COPY workbench workbench
# this user may not write here, so without it each start would compile all of it again
RUN python -m compileall -q core workbench

USER workbench
VOLUME /workspace
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "-m", "workbench", "--no-browser", "--workspace", "/workspace", "--port", "7860"]
