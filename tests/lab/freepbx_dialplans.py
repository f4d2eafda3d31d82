"""Dialplans of the kind that FreePBX and Issabel generate: of our own writing, as far as the tests' calls pass them.

The contexts, the order of steps, and the variables are those of FreePBX's public source (core 2.11, which Issabel
has, and 14 to 17), and of machines: what a call of these tests does not meet is left out.
"""

from __future__ import annotations

from .asterisk import CONFIG

FREEPBX, ISSABEL, ELASTIX = "FreePBX", "Issabel", "Elastix"
OVERRIDES = {
    FREEPBX: "extensions_override_freepbx.conf",
    ISSABEL: "extensions_override_issabelpbx.conf",
    ELASTIX: "extensions_override_elastix.conf",
}
CUSTOM_FILES = ("extensions_custom.conf", "manager_custom.conf")

_MAIN = """\
; the frame that includes the generated parts
#include @OVERRIDE@
#include extensions_additional.conf
#include extensions_custom.conf

[from-internal]
include => from-internal-xfer
include => bad-number

[from-internal-xfer]
include => from-internal-custom
include => from-internal-additional

[from-pstn]
include => ext-local

[default]
include => ext-local

[bad-number]
exten => _X.,1,Congestion(20)
exten => _*.,1,Congestion(20)
"""


def main(product: str = FREEPBX) -> str:
    """Return the extensions.conf of the product, its own file as the real one is."""
    return _MAIN.replace("@OVERRIDE@", OVERRIDES[product])


MAIN = main()


def files(product: str, generated: str) -> dict[str, str]:
    """Return the dialplan's files of a machine whose admin has changed nothing: override and custom file are empty."""
    found = {"extensions.conf": main(product), "extensions_additional.conf": generated, "extensions_custom.conf": ""}
    found[OVERRIDES[product]] = ""
    if product == ISSABEL:
        found[OVERRIDES[product]] = "#include extensions_override_issabel.conf\n"
        found["extensions_override_issabel.conf"] = (
            "[macro-hangupcall]\nexten => s,1,Noop(End of MIXMON check)\nexten => s,n,Hangup\n"
        )
    return found


def additional(
    form: str, trace: bool = False, technology: str = "PJSIP", busy_destination: str = "", product: str = FREEPBX
) -> str:
    """Return extensions_additional.conf in its ``Macro`` (to 16, and Issabel) or ``Gosub`` (17) form.

    202 and the eight digits 20010001 have no voicemail, 203 has; 204 has voicemail and follow-me, as ``follow_me``
    tells AstDB; 206 has a busy destination, when one is given; 600 is a ring group of 202 and 205, 700 a queue.
    ``trace`` is FreePBX's setting of that name: with it steps begin with a line for the log.
    """
    text = (CONFIG / "freepbx_additional.conf").read_text().replace("@EXTENSIONS@", _EXTENSIONS)
    marks = {**(_BEFORE_14 if product == ISSABEL else _SINCE_14), **(_UNTIL_16 if form == "Macro" else _IN_17)}
    for mark, value in marks.items():
        text = text.replace(mark, value)
    text = text.replace("@TECH@", technology).replace("@BUSY_DESTINATION@", "1" if busy_destination else "0")
    text = text.replace("@TO_BUSY_DESTINATION@", busy_destination or "vmret,1")
    text = text.replace("@HINTS@", "" if product == ISSABEL else "@ext-local")
    lines = []
    for line in text.splitlines():
        if ("TRACE" in line and not trace) or (product == ISSABEL and "predial" in line):
            continue
        lines.append(_in_form(line, form))
    return _renumbered(lines)


def follow_me(number: str, rings: str, strategy: str) -> dict[tuple[str, str], str]:
    """Return the rows of AstDB, by family and key, of an extension's follow-me to ``rings``, joined by dashes.

    With a ``strategy`` like hunt the extension itself is tried first, with ringallv2 it is not.
    """
    rows = {"ddial": "DIRECT", "prering": "5", "strategy": strategy, "grplist": rings, "grptime": "5"}
    rows |= {"postdest": f"ext-local,{number},dest", "grpconf": "DISABLED"}
    return {("AMPUSER", f"{number}/followme/{key}"): value for key, value in rows.items()}


def extensions(form: str, technology: str, mailboxes: dict[str, bool]) -> str:
    """Return more extensions, by number with voicemail or without, for a dialplan of that form."""
    rows = "\n".join(_extension(number, number if box else "novm") for number, box in mailboxes.items())
    return _renumbered(
        ["[ext-local]", *(_in_form(row, form) for row in rows.replace("@TECH@", technology).splitlines())]
    )


def _in_form(line: str, form: str) -> str:
    """Return a line with CALL(name,args) and LEAVE() in the form of that FreePBX."""
    head, call, rest = line.partition("CALL(")
    if call:
        name, _, arguments = rest.rstrip(")").partition(",")
        line = f"{head}Macro({name},{arguments})" if form == "Macro" else f"{head}Gosub(macro-{name},s,1({arguments}))"
    leave = "MacroExit" if form == "Macro" else "Return"
    return line.replace("LEAVE()", f"{leave}()").replace("@LEAVE@", f"{leave}()")


def _renumbered(lines: list[str]) -> str:
    """Return the lines with a 1 at each extension's first step, as FreePBX writes them."""
    seen: set[tuple[str, str]] = set()
    context, done = "", []
    for line in lines:
        if line.startswith("["):
            context = line
        elif line.startswith("exten => ") and ",hint," not in line:
            extension, _, rest = line[len("exten => ") :].partition(",n")
            first = (context, extension) not in seen
            seen.add((context, extension))
            line = f"exten => {extension},{'1' if first else 'n'}{rest}"  # noqa: PLW2901
        done.append(line)
    return "\n".join(done) + "\n"


def _extension(number: str, mailbox: str, more: str = "", destinations: str = "0,0,0") -> str:
    """Return an extension of ext-local: with voicemail, or novm."""
    return "\n".join(
        [
            f"exten => {number},n,Set(__RINGTIMER=5)",
            f"exten => {number},n,CALL(exten-vm,{mailbox},{number},{destinations})",
            *([more] if more else []),
            f"exten => {number},n(dest),Set(__PICKUPMARK=)",
            *([f"exten => {number},n,CALL(vm,{number},${{DIALSTATUS}},${{IVR_RETVM}})"] if mailbox != "novm" else []),
            f"exten => {number},n,Goto(vmret,1)",
            f"exten => {number},hint,@TECH@/{number}",
        ]
    )


# Follow-me has steps for each extension, or one pattern for all; macro-dial begins with a jump, or a line for the log.
_BEFORE_14 = {
    "@FOLLOW_ME@": "",
    "@FOLLOW_ME_SUB@": "",
    "@FM@": "204",
    "@FIRST_OF_DIAL@": 'GotoIf($["${MOHCLASS}" = ""]?dial)',
}
_SINCE_14 = {
    "@FOLLOW_ME@": ":followme-check,${EXTEN},1",
    "@FOLLOW_ME_SUB@": """
[followme-check]
include => followme-check-custom
exten => _X!,n(FMCID),Gosub(followme-sub,${EXTEN},1())

[followme-sub]
include => followme-sub-custom""",
    "@FM@": "_X!",
    "@FIRST_OF_DIAL@": "Noop(Blind Transfer: ${BLINDTRANSFER})",
}
# FreePBX 17 dials in contexts of their own, which have no h.
_UNTIL_16 = {
    "@DIAL_ONE@": "Dial(${DSTRING},${ARG1},${ARG2})",
    "@DIAL_LIST@": "Dial(${ds:1},${ARG1},${ARG2})",
    "@WITH_EXTEN@": "",
}
_IN_17 = {
    "@DIAL_ONE@": "Gosub(dialOne-with-exten,${DEXTEN},1(${ARG1}))",
    "@DIAL_LIST@": "Gosub(dial-with-exten,${RGFMDIAL},1(${ARG1}))",
    "@WITH_EXTEN@": """
[dialOne-with-exten]
exten => _X.,n,Dial(${DSTRING},${ARG1})
exten => _X.,n,Return()

[dial-with-exten]
exten => _X.,n,Dial(${ds:1},${ARG1})
exten => _X.,n,Return()
""",
}
_EXTENSIONS = "\n".join(
    [
        *(_extension(number, "novm") for number in ("201", "202", "205", "20010001", "5001")),
        *(_extension(number, number) for number in ("203", "204")),
        _extension(
            "206",
            "novm",
            'exten => 206,n,GotoIf($["${DIALSTATUS}"="BUSY"]?@TO_BUSY_DESTINATION@)',
            "0,@BUSY_DESTINATION@,0",
        ),
    ]
)
