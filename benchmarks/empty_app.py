"""An app with nothing in it, the peer of the first page: ``python -m benchmarks.empty_app PORT``."""

import sys

import gradio as gr

with gr.Blocks() as page:
    pass
page.launch(server_port=int(sys.argv[1]), quiet=True, ssr_mode=False)
