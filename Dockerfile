# The workbench in a container, without root and without a GPU:
#
#   docker build -t embedding-workbench .
#   docker run --rm --init --network host -v embedding-workbench:/workspace embedding-workbench
#
# It has no sign-in, so it listens on 127.0.0.1 only, in a container too. A published port (-p) does not reach that
# address; with the host's network (--network host) the app is at http://127.0.0.1:7860 on this machine and nowhere else.
# A training ends with its container; the next container goes on from the last checkpoint when it is resumed.
#
# On x86-64 torch brings GPU libraries of several gigabytes. To leave them out, name PyTorch's index of CPU packages:
#
#   docker build --build-arg TORCH_INDEX=ADDRESS -t embedding-workbench .
FROM python:3.11.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

ARG TORCH_INDEX=""
COPY requirements.txt .
# torch alone, so that no other package is looked for there
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)"; \
    fi \
    && pip install -r requirements.txt

RUN useradd --create-home --uid 1000 workbench && install -d -o workbench -g workbench /workspace
COPY data data
COPY core core
COPY workbench workbench

USER workbench
VOLUME /workspace
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "-m", "workbench", "--no-browser", "--workspace", "/workspace", "--port", "7860"]
