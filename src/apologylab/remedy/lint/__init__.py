"""The lint of wordings: what a language's rules find in a text, before a customer reads it."""

from apologylab.remedy.lint.flaw import Flaw
from apologylab.remedy.lint.language import Language, read_language
from apologylab.remedy.lint.linting import lint

__all__ = ["Flaw", "Language", "lint", "read_language"]
