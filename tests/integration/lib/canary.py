"""A key that is easy to recognise, and a search for it in every form it could leak in."""

import base64
import secrets


class Canary:
    """key: the text of a vendor key; needles: {form: bytes} that must not be found anywhere."""

    def __init__(self, prefix="cnry"):
        self.key = prefix + secrets.token_urlsafe(36).replace("-", "x").replace("_", "y")
        raw = self.key.encode()
        self.needles = {"raw": raw, "first half": raw[:16], "second half": raw[-16:],
                        "reversed": raw[::-1], "hex": raw.hex().encode(),
                        "hex capitals": raw.hex().upper().encode(),
                        "hex with spaces": raw.hex(" ").encode()}
        for shift in range(3):
            # Within a longer text the alphabet falls differently for each position modulo three; the first
            # and last groups mix with the neighbours and are left out.
            text = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
            self.needles[f"base64 at {shift}"] = text[4:-4]
            self.needles[f"base64url at {shift}"] = text[4:-4].translate(
                bytes.maketrans(b"+/", b"-_"))

    def found_in(self, data):
        """Names of the forms that occur in the bytes."""
        return [form for form, needle in self.needles.items() if needle in data]
