"""Dialplans of the kind that FreePBX's core generates, of our own writing: as far as a busy call passes them.

The contexts, the order of steps, and the variables are those of its public source (core 15 to 17); what a busy
call does not meet is left out. ``trace`` is FreePBX's setting of that name: without it there are no NoOps.
"""

from __future__ import annotations

MAIN = """\
; the frame that includes the generated parts
#include extensions_override_freepbx.conf
#include extensions_additional.conf
#include extensions_custom.conf

[from-internal]
include => from-internal-custom
include => ext-local
"""


def additional(form: str, trace: bool = True, technology: str = "PJSIP", busy_destination: str = "") -> str:
    """Return extensions_additional.conf in its ``Macro`` (15, 16) or ``Gosub`` (17) form.

    202 has no voicemail, 203 has; 204 has follow-me to 205; 206 has a busy destination, when one is given.
    """
    text = _PLAN.replace("@TECH@", technology).replace("@BUSY_DESTINATION@", "1" if busy_destination else "0")
    text = text.replace("@TO_BUSY_DESTINATION@", busy_destination or "vmret,1")
    lines = []
    for line in text.splitlines():
        if "TRACE" in line and not trace:
            continue
        lines.append(_in_form(line, form))
    return _renumbered(lines)


def _in_form(line: str, form: str) -> str:
    """Return a line with CALL(name,args) and LEAVE() in the form of that FreePBX."""
    head, call, rest = line.partition("CALL(")
    if call:
        name, _, arguments = rest.rstrip(")").partition(",")
        line = f"{head}Macro({name},{arguments})" if form == "Macro" else f"{head}Gosub(macro-{name},s,1({arguments}))"
    leave = "MacroExit" if form == "Macro" else "Return"
    return line.replace("LEAVE()", f"{leave}()").replace("@LEAVE@", leave)


def _renumbered(lines: list[str]) -> str:
    """Return the lines with a 1 at each extension's first step, as FreePBX writes them."""
    seen: set[tuple[str, str]] = set()
    context, done = "", []
    for line in lines:
        if line.startswith("["):
            context = line
        elif line.startswith("exten => "):
            extension, _, rest = line[len("exten => ") :].partition(",n")
            first = (context, extension) not in seen
            seen.add((context, extension))
            line = f"exten => {extension},{'1' if first else 'n'}{rest}"  # noqa: PLW2901
        done.append(line)
    return "\n".join(done) + "\n"


_PLAN = """\
[ext-local]
exten => 201,n,CALL(exten-vm,novm,201,0,0,0)
exten => 202,n,CALL(exten-vm,novm,202,0,0,0)
exten => 202,n(dest),Set(__PICKUPMARK=)
exten => 202,n,GotoIf($["${IVR_CONTEXT}" != ""]?${IVR_CONTEXT},return,1)
exten => 203,n,CALL(exten-vm,203,203,0,0,0)
exten => 203,n(dest),Set(__PICKUPMARK=)
exten => 203,n,CALL(vm,203,${DIALSTATUS},${IVR_RETVM})
exten => 203,n,Goto(vmret,1)
exten => 204,n,Set(__NODEST=204)
exten => 204,n,CALL(simple-dial,204,15)
exten => 204,n,Set(GLOBAL(FOLLOWED)=${EXTTOCALL})
exten => 204,n,Dial(@TECH@/205,5)
exten => 204,n,CALL(vm,204,${DIALSTATUS},${IVR_RETVM})
exten => 204,n,Hangup()
exten => 206,n,CALL(exten-vm,novm,206,0,@BUSY_DESTINATION@,0)
exten => 206,n,GotoIf($["${DIALSTATUS}"="BUSY"]?@TO_BUSY_DESTINATION@)
exten => vmret,n,Hangup()

[macro-dial-one]
exten => s,n,GotoIf($["${DB(DND/${ARG3})}" != ""]?dnd,1)
exten => s,n,Dial(@TECH@/${ARG3},${ARG1})
exten => s,n,LEAVE()
exten => dnd,n,Set(DIALSTATUS=BUSY)
exten => dnd,n,LEAVE()

[macro-exten-vm]
exten => s,n,Set(__EXTTOCALL=${ARG2})
exten => s,n,CALL(dial-one,5,,${EXTTOCALL})
exten => s,n,Set(SV_DIALSTATUS=${DIALSTATUS})
exten => s,n,GosubIf($["${SV_DIALSTATUS}"="BUSY" & "${DB(CFB/${EXTTOCALL})}"!=""]?docfb,1)
exten => s,n,Set(DIALSTATUS=${SV_DIALSTATUS})
exten => s,n,ExecIf($["${DIALSTATUS}"="BUSY"&"${ARG4}"="1"]?@LEAVE@)
exten => s,n,GotoIf($["${ARG1}"="novm"]?s-${DIALSTATUS},1)
exten => s,n,CALL(vm,${ARG1},${DIALSTATUS},${IVR_RETVM})
exten => s,n,LEAVE()
exten => docfb,n,Dial(Local/${DB(CFB/${EXTTOCALL})}@from-internal/n,5)
exten => docfb,n,Return()
exten => s-BUSY,n,Noop([TRACE](1) Extension is reporting BUSY and not passing to Voicemail)
exten => s-BUSY,n,GotoIf($["${IVR_RETVM}"="RETURN" & "${IVR_CONTEXT}"!=""]?exit,1)
exten => s-BUSY,n,Set(GLOBAL(BUSY_TONE)=${EXTTOCALL})
exten => s-BUSY,n,Playtones(busy)
exten => s-BUSY,n,Busy(20)
exten => _s-!,n,Noop([TRACE](1) other)
exten => _s-!,n,Set(GLOBAL(CONGESTION_TONE)=${EXTTOCALL})
exten => _s-!,n,Congestion(2)
exten => exit,n,Set(GLOBAL(BACK_TO_IVR)=${EXTTOCALL})
exten => exit,n,LEAVE()

[macro-vm]
exten => s,n,Set(MEXTEN=${ARG1})
exten => s,n,Goto(s-${ARG2},1)
exten => s-BUSY,n,NoOp(BUSY voicemail)
exten => s-BUSY,n,Set(GLOBAL(MAILBOX)=${MEXTEN})
exten => s-BUSY,n,Playback(beep)
exten => s-BUSY,n,Hangup()
exten => _s-.,n,Set(GLOBAL(MAILBOX)=${MEXTEN} unavailable)
exten => _s-.,n,Hangup()

[macro-simple-dial]
exten => s,n,Set(__EXTTOCALL=${ARG1})
exten => s,n,CALL(dial-one,${ARG2},,${EXTTOCALL})
exten => s,n,Goto(s-${DIALSTATUS},1)
exten => _s-.,n,NoOp(Extension is reporting ${EXTEN})
exten => _s-.,n,LEAVE()
"""
