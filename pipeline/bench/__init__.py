"""The bench: planted regressions, and how often their cause is named rightly."""
