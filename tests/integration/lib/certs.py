"""A throw-away certificate authority made with the openssl program."""

import atexit
import pathlib
import subprocess
import tempfile


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


class Certs:
    """Paths (str): ca, ca_key, server_cert/server_key (localhost, 127.0.0.1, ::1),
    client_cert/client_key (issued by ca), wrong_name_cert/wrong_name_key (issued by ca for
    wrong.invalid), expired_cert/expired_key, stranger_ca and stranger_cert/stranger_key
    (a second authority nobody trusts)."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        local = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
        self.ca, self.ca_key = self._authority("ca", "Argos Gateway test CA")
        self.stranger_ca, self.stranger_ca_key = self._authority("stranger-ca", "Stranger CA")
        self.server_cert, self.server_key = self.leaf(
            "server", "localhost", local, "serverAuth")
        self.client_cert, self.client_key = self.leaf(
            "client", "test-client", "subjectAltName=DNS:client.test", "clientAuth")
        self.wrong_name_cert, self.wrong_name_key = self.leaf(
            "wrong-name", "wrong.invalid", "subjectAltName=DNS:wrong.invalid", "serverAuth")
        self.expired_cert, self.expired_key = self.leaf(
            "expired", "localhost", local, "serverAuth", days="-1")
        self.stranger_cert, self.stranger_key = self.leaf(
            "stranger", "localhost", local, "serverAuth,clientAuth",
            issuer=(self.stranger_ca, self.stranger_ca_key))

    def _authority(self, name, subject):
        cert, key = str(self.dir / f"{name}.pem"), str(self.dir / f"{name}.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={subject}",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return cert, key

    def leaf(self, name, subject, san, usage, days="2", issuer=None):
        """Issues one certificate; returns (cert path, key path)."""
        ca, ca_key = issuer or (self.ca, self.ca_key)
        cert, key, csr = (str(self.dir / f"{name}.{end}") for end in ("pem", "key", "csr"))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", key, "-out", csr, "-subj", f"/CN={subject}")
        extensions = self.dir / f"{name}.ext"
        extensions.write_text(f"{san}\nbasicConstraints=critical,CA:FALSE\n"
                              f"keyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n")
        _openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
                 "-out", cert, "-days", days, "-extfile", str(extensions))
        return cert, key


_shared = None


def make_certs(directory=None):
    """Certs in `directory`; without one, a set shared by the whole test process."""
    global _shared
    if directory is not None:
        return Certs(directory)
    if _shared is None:
        holder = tempfile.TemporaryDirectory(prefix="argos-certs-")
        atexit.register(holder.cleanup)
        _shared = Certs(holder.name)
    return _shared
