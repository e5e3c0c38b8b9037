"""What every text for people has in common."""

import re


def is_said_well(sentence: object) -> bool:
    """Whether it is a text that begins like a sentence (or with a name), ends like one (or quotes something after a
    colon), and is not shouted."""
    return (
        isinstance(sentence, str) and (sentence.endswith((".", "?", ".”")) or ": " in sentence)
        and not re.match(r"(a|an|in|is|it|its|no|of|only|that|the|there|they|this|use|wait|choose|make) ", sentence)
        and sentence != sentence.upper()
    )
