"""The buttons under a table that is shown page by page."""


def pager(page: int, total: int, rows_a_page: int) -> str:
    """Previous and next with the place between them; nothing where one page holds all ``total`` rows."""
    pages = max(1, -(-total // rows_a_page))
    if pages == 1:
        return ""
    previous, following = ("" if possible else " disabled" for possible in (page > 0, page + 1 < pages))
    return (
        '<div class="actions" style="margin-top:12px;align-items:center">'
        f'<button data-do="page" data-page="{page - 1}" data-key="previous"{previous}>Previous</button>'
        f'<span class="soft small num">Page {page + 1:,} of {pages:,}</span>'
        f'<button data-do="page" data-page="{page + 1}" data-key="next"{following}>Next</button></div>'
    )
