"""Theme and style: Gradio's own components first made quiet, then a little CSS for what they have no shape for."""

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).parent / "style.css"


def theme() -> gr.themes.Base:
    """Paper, ink and hairlines; colours come from the variables in style.css so that both themes stay in one place."""
    fonts = ["Inter", "system-ui", "-apple-system", "Segoe UI", "sans-serif"]
    both = {
        "body_background_fill": "var(--paper)",
        "background_fill_primary": "var(--card)",
        "background_fill_secondary": "var(--wash)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--soft)",
        "border_color_primary": "var(--line)",
        "block_background_fill": "transparent",
        "block_border_color": "transparent",
        "block_label_background_fill": "transparent",
        "block_label_text_color": "var(--ink)",
        "block_title_text_color": "var(--ink)",
        "block_info_text_color": "var(--soft)",
        "input_background_fill": "var(--card)",
        "input_border_color": "var(--line)",
        "input_placeholder_color": "var(--faint)",
        "button_primary_background_fill": "var(--ink)",
        "button_primary_background_fill_hover": "var(--soft)",
        "button_primary_text_color": "var(--paper)",
        "button_secondary_background_fill": "var(--card)",
        "button_secondary_background_fill_hover": "var(--wash)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_border_color": "var(--line)",
        "button_cancel_background_fill": "var(--card)",
        "button_cancel_background_fill_hover": "var(--wash)",
        "button_cancel_text_color": "var(--bad)",
        "button_cancel_border_color": "var(--bad-line)",
        "panel_background_fill": "transparent",
        "slider_color": "var(--ink)",
        "checkbox_background_color": "var(--card)",
        "checkbox_background_color_selected": "var(--ink)",
        "checkbox_border_color_selected": "var(--ink)",
        "checkbox_label_background_fill": "var(--card)",
        "checkbox_label_background_fill_selected": "var(--wash)",
        "checkbox_label_text_color_selected": "var(--ink)",
        "color_accent_soft": "var(--wash)",
        "border_color_accent": "var(--ink)",
        "table_even_background_fill": "var(--card)",
        "table_odd_background_fill": "var(--card)",
    }
    light_and_dark = both | {f"{name}_dark": value for name, value in both.items()}
    return gr.themes.Base(
        font=fonts,
        font_mono=["ui-monospace", "DejaVu Sans Mono", "monospace"],
        radius_size="md",
        spacing_size="md",
        primary_hue="neutral",
        neutral_hue="slate",
    ).set(
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_border_width="0px",
        block_title_text_size="13.5px",
        block_title_text_weight="550",
        block_info_text_size="13px",
        input_border_width="1px",
        input_shadow="none",
        input_shadow_focus="none",
        input_radius="8px",
        button_large_radius="8px",
        button_medium_radius="8px",
        button_small_radius="8px",
        button_transform_hover="none",
        button_transform_active="none",
        layout_gap="18px",
        **light_and_dark,
    )
