"""Speed against peers and limits: `python -m benchmarks [PART …]`, each part a module here."""
