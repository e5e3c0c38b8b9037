"""The Gradio app: layout, wording and charts over what ``core`` keeps on disk. No ML, no AWS, no file formats."""
