"""Keys and certificates for tests, made by openssl."""
import pathlib
import subprocess

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*arguments, data=b""):
    """What openssl answers; an error where it fails."""
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True,
                          check=True).stdout


def make_certificate(folder, name):
    """A self-signed certificate for localhost: paths of certificate and key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate)
    return certificate, key


class Authority:
    """A certificate authority of a test's own."""

    def __init__(self, folder, name):
        self.folder, self.name = pathlib.Path(folder), name
        self.certificate, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        openssl("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.certificate, "-days",
                "2", "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, name, *alternatives, purpose=None):
        """The files of a certificate for these subject alternative names, and of its key: new ones
        at each call. `purpose`: "serverAuth" or "clientAuth" alone."""
        base = self.folder / f"{self.name}-{name}"
        paths = {end: base.with_suffix(f".{end}") for end in ("pem", "key", "csr", "ext")}
        openssl("req", *NEW_KEY, "-keyout", paths["key"], "-out", paths["csr"], "-subj",
                f"/CN={name}")
        extensions = [f"subjectAltName={','.join(alternatives)}"]
        if purpose is not None:
            extensions.append(f"extendedKeyUsage={purpose}")
        paths["ext"].write_text("\n".join(extensions) + "\n")
        openssl("x509", "-req", "-in", paths["csr"], "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", "2", "-extfile", paths["ext"], "-out", paths["pem"])
        return paths["pem"], paths["key"]
