"""Reads mails of ours as Python's email package and dkimpy do.

    check_mail.py FOLDER    every FOLDER/*.eml; FOLDER/dns.json has the TXT records that DNS would have

Says what is wrong, a line each, and fails if anything is. Run by tests/mails.rs.
"""

import email
import email.policy
import json
import pathlib
import sys

import dkim


def structure(part) -> object:
    """The tree of media types: a leaf as its type, a branch as (type, children)."""
    if not part.is_multipart():
        return part.get_content_type()
    return (part.get_content_type(), [structure(child) for child in part.iter_parts()])


def problems(raw: bytes, records: dict[str, str]) -> list[str]:
    """Everything that these two readers dislike."""
    found = []
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for part in message.walk():
        found += [f"defect of {part.get_content_type()}: {defect!r}" for defect in part.defects]
        for name, value in part.items():
            found += [f"defect of {name}: {defect!r}" for defect in getattr(value, "defects", ())]
        if not part.is_multipart():
            part.get_content()  # decodes, or raises
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted"):
        if len(message.get_all(name, [])) != 1:
            found.append(f"{len(message.get_all(name, []))} fields {name}")
    text = message.get_body(("plain",))
    html = message.get_body(("html",))
    if text is None or html is None:
        found.append(f"no text and HTML: {structure(message)}")
    elif "\r" in text.get_content().replace("\r\n", "\n") or "<" not in html.get_content():
        found.append("the parts are not what they say")
    for file in message.iter_attachments():
        if not file.get_filename():
            found.append("a file without a name")
    longest = max(len(line) for line in raw.split(b"\r\n"))
    if longest > 998 or not raw.isascii():
        found.append(f"a line of {longest} bytes, or not ASCII")

    signatures = message.get_all("DKIM-Signature", [])
    if not signatures:
        found.append("not signed")
    for number in range(len(signatures)):
        verifier = dkim.DKIM(raw)
        lookup = lambda name, timeout=5: records[name.decode().rstrip(".")].encode()
        try:
            if not verifier.verify(idx=number, dnsfunc=lookup):
                found.append(f"signature {number} does not fit")
        except dkim.DKIMException as error:
            found.append(f"signature {number}: {error}")
        broken = raw.replace(b"\r\nSubject: ", b"\r\nSubject: x", 1)
        try:
            if dkim.DKIM(broken).verify(idx=number, dnsfunc=lookup):
                found.append(f"signature {number} fits another subject, too")
        except dkim.DKIMException:
            pass
        signed = {name.decode().lower() for name, _ in verifier.signed_headers}
        wanted = {"from", "to", "subject", "date", "message-id"}
        wanted |= {name.lower() for name in message.keys() if name.lower().startswith("list-")}
        if wanted - signed:
            found.append(f"signature {number} leaves out {sorted(wanted - signed)}")
    return found


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    records = json.loads((folder / "dns.json").read_text(encoding="utf-8"))
    mails = sorted(folder.glob("*.eml"))
    wrong = [f"{mail.name}: {text}" for mail in mails for text in problems(mail.read_bytes(), records)]
    print("\n".join(wrong) if wrong else f"{len(mails)} mails are well")
    return 1 if wrong or not mails else 0


if __name__ == "__main__":
    sys.exit(main())
