"""A certificate that nobody but its owner has signed, as Asterisk's own script makes one."""

from __future__ import annotations

import subprocess
from pathlib import Path


def self_signed(path: Path, name: str) -> None:
    """Write key and certificate of ``name`` into the one file ``path``."""
    key, certificate = path.with_suffix(".key"), path.with_suffix(".crt")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += [
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
        "-keyout",
        key.name,
        "-out",
        certificate.name,
    ]
    subprocess.run(["openssl", *words], cwd=path.parent, check=True, capture_output=True)
    path.write_text(certificate.read_text() + key.read_text())
