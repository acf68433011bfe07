"""AI Hub Desktop: download manager for the datasets of AI Hub (aihub.or.kr)."""

from typing import Final

__version__: Final = "0.1.0"
