"""What a web page or a bad export leaves behind in texts, and taking it out."""

import html
import re
from html.entities import html5

#: Invisible characters with no meaning in a text of pairs. The joiners U+200C and U+200D stay: Persian, Indian scripts
#: and emoji need them. U+FFFD stands where an earlier program could not read a character.
CONTROL = (
    r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}\x{AD}\x{200B}\x{200E}\x{200F}\x{2028}-\x{202E}\x{2060}-\x{2064}"
    r"\x{2066}-\x{206F}\x{FEFF}\x{FFF9}-\x{FFFD}]"
)
_TAGS = (
    "a|abbr|address|article|aside|b|big|blockquote|body|br|button|caption|center|cite|code|col|dd|div|dl|dt|em|embed|"
    "font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|kbd|label|li|link|main|meta|nav|object|ol|option|p|pre|"
    "s|script|section|select|small|span|strike|strong|style|sub|sup|svg|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul|"
    "video"
)
#: Tags of HTML only: "<bucket-name>" in an answer is part of what it says.
TAG = rf"(?i)</?(?:{_TAGS})(?:\s[^<>]*|/)?>|<!--|<!doctype[^<>]*>|<!\[CDATA\["
#: A character written as ``&amp;``, ``&#39;`` or ``&#x27;``.
ENTITY = r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"

#: ``[words](address)`` and ``**words**`` of Markdown.
_LINK = r"!?\[[^\[\]\n]*\]\([^()\s]+\)"
_BOLD = r"\*\*[^*\s](?:[^*\n]*[^*\s])?\*\*"
#: Finds every text for which ``has_markup`` is true and a few more; for Arrow's regular expressions too.
MARKUP = f"{TAG}|{ENTITY}|{_LINK}|{_BOLD}"

_CONTROL = re.compile(re.sub(r"\\x\{(\w+)\}", lambda match: f"\\u{int(match[1], 16):04x}", CONTROL))
_TAG = re.compile(TAG)
_ENTITY = re.compile(ENTITY)
_MARKDOWN = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]+\)|(?<![\w*])\*\*([^*\s](?:[^*\n]*[^*\s])?)\*\*(?![\w*])")
_HIDDEN = re.compile(r"(?is)<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->")
_BREAKING = re.compile(r"(?i)</?(?:br|p|div|li|ul|ol|tr|td|th|table|h[1-6]|blockquote|section|article|hr)\b")


def has_markup(text: str) -> bool:
    """Whether tags of HTML, coded characters, or bold words or links of Markdown stand in the text."""
    return bool(_TAG.search(text) or _MARKDOWN.search(text)) or any(
        match[1:] in html5 or match[1] == "#" for match in _ENTITY.findall(text)
    )


def clean_text(text: str) -> str:
    """``text`` without markup (HTML, Markdown's links and bold) and invisible characters.

    Line breaks and the words themselves stay.
    """
    for _ in range(3):  # "&amp;lt;br&amp;gt;" was coded twice
        before = text
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
        text = _HIDDEN.sub(" ", text)
        text = _TAG.sub(lambda match: " " if _BREAKING.match(match[0]) else "", text)
        text = _MARKDOWN.sub(lambda match: match[1] or match[2] or "", text)
        if text == before:
            break
    text = _CONTROL.sub("", text.replace("\xa0", " ").replace("\u2028", "\n").replace("\u2029", "\n"))
    text = re.sub(r"[^\S\n]+", " ", text)
    return re.sub(r" ?\n ?", "\n", text).strip()
