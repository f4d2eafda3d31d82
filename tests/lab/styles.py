"""Dialplans of offices, one of each style in which people write them; all of our own writing.

Each has three phones: 201, 202 and 203, however their endpoints are called. ``@TECH@`` is the technology of the
Asterisk that it is played on.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Style:
    """One of them: its files, how its phones' endpoints are called, and what an admin says to install."""

    name: str
    dialplan: str
    wire: tuple[str, ...] = ("phones",)
    endpoints: tuple[str, str, str] = ("201", "202", "203")
    contexts: tuple[str, str, str] = ("phones", "phones", "phones")
    files: dict[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()  # that the lab leaves out otherwise
    versions: tuple[str, ...] = ("16", "22")
    by_hand: bool = False  # install tells the line, an admin puts it in
    code: str = "*86"  # that cancels

    def extensions_conf(self, technology: str) -> str:
        """Return its extensions.conf."""
        return f"[general]\nstatic = yes\n\n{self.dialplan}".replace("@TECH@", technology)


NAMES = ("anna", "bert-desk", "0004f2aa0203")

STYLES = (
    Style(
        "tutorial",
        """\
[phones]
exten => _2XX,1,NoOp(a call to ${EXTEN})
 same => n,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
""",
    ),
    Style(
        "includes",
        """\
[phones]
include => features
include => internal

[features]
exten => 500,1,Answer()
 same => n,Echo()

[internal]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20,tT)
exten => _2XX,n,Hangup()
""",
    ),
    Style(
        "numbered",
        """\
[phones]
exten => 201,1,Set(TRIES=0)
exten => 201,2,Dial(@TECH@/201,20)
exten => 201,3,GotoIf($["${DIALSTATUS}" = "CHANUNAVAIL"]?5:4)
exten => 201,4,Hangup()
exten => 201,5,Congestion(2)
exten => _20[23],1,Dial(@TECH@/${EXTEN},20) ; the others
exten => 500,1,Answer()
exten => _20[23],2,NoOp(nobody took the call)
exten => _20[23],3,Hangup()
""",
    ),
    Style(
        "names",
        """\
[phones]
exten => 201,1,Dial(@TECH@/anna,20)
exten => 201,n,Hangup()
exten => 202,1,Dial(@TECH@/bert-desk,20)
exten => 202,n,Hangup()
exten => 203,1,Dial(@TECH@/0004f2aa0203,20)
exten => 203,n,Hangup()
""",
        endpoints=NAMES,
    ),
    Style(
        "globals and hints",
        """\
[globals]
ANNA=@TECH@/anna
BERT=@TECH@/bert-desk

[phones]
exten => 201,hint,${ANNA}
exten => 202,hint,${BERT}
exten => 203,hint,@TECH@/0004f2aa0203
exten => 201,1,Dial(${ANNA},20)
exten => 201,n,Hangup()
exten => _20[23],1,Dial(${HINT(${EXTEN}@phones)},20)
exten => _20[23],n,Hangup()
""",
        endpoints=NAMES,
    ),
    Style(
        "macro",
        """\
[macro-ring]
; ARG1: the device
exten => s,1,Dial(${ARG1},20)
exten => s,n,Goto(s-${DIALSTATUS},1)
exten => s-BUSY,1,Hangup()
exten => _s-.,1,Hangup()

[phones]
exten => 201,1,Macro(ring,@TECH@/anna)
exten => 202,1,Macro(ring,@TECH@/bert-desk)
exten => 203,1,Macro(ring,@TECH@/0004f2aa0203)
""",
        endpoints=NAMES,
        versions=("16",),
    ),
    Style(
        "subroutine",
        """\
[phones]
exten => _2XX,1,Gosub(ring,s,1(${EXTEN},20))
 same => n,Hangup()

[ring]
exten => s,1,Set(LOCAL(seconds)=${ARG2})
 same => n,Dial(@TECH@/${ARG1},${seconds})
 same => n,Return()
""",
    ),
    Style(
        "departments",
        """\
[sales]
exten => 201,1,Dial(@TECH@/201,20)
 same => n,Hangup()
exten => 203,1,Dial(@TECH@/203,20)
 same => n,Hangup()
exten => 202,1,Goto(workshop,202,1)

[workshop]
exten => _20[12],1,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
""",
        wire=("sales", "workshop"),
        contexts=("sales", "workshop", "sales"),
    ),
    Style(
        "busy before the dial",
        """\
[phones]
exten => _2XX,1,Set(STATE=${DEVICE_STATE(@TECH@/${EXTEN})})
 same => n,GotoIf($["${STATE}" = "BUSY" | "${STATE}" = "INUSE"]?busy)
 same => n,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
 same => n(busy),Busy(2)
 same => n,Hangup()
""",
    ),
    Style(
        "options in a variable",
        """\
[globals]
OPTIONS=,20,tT

[phones]
exten => _2XX,1,Dial(@TECH@/${EXTEN}${OPTIONS})
exten => _2XX,n,Hangup()
""",
    ),
    Style(
        "inside ExecIf",
        """\
[phones]
exten => _2XX,1,Set(OPEN=1)
 same => n,ExecIf($[${OPEN} = 1]?Dial(@TECH@/${EXTEN},20))
 same => n,Hangup()
""",
    ),
    Style(
        "PJSIP's contacts",
        """\
[phones]
exten => _2XX,1,Dial(${PJSIP_DIAL_CONTACTS(${EXTEN})},20)
 same => n,Hangup()
""",
        versions=("22",),
    ),
    Style(
        "block comments",
        """\
;-- [phones]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20)
exten => _2XX,2,VoiceMail(${EXTEN}) --;
[phones]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20) ;-- as long as
the office is small --;
 same => n,Hangup() ;--- no block
""",
    ),
    Style(
        "codes taken",
        """\
[phones]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
exten => _*8.,1,Pickup(${EXTEN:2})
""",
        code="*76",
    ),
    Style(
        "catch-all",
        """\
[phones]
include => internal
exten => _[*#0-9].,1,Playback(invalid)
 same => n,Hangup()

[internal]
exten => _2XX,1,Hangup()

[phones](+)
exten => _2XX,1,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
""",
    ),
    Style(
        "a line that is named",
        """\
[phones]
exten => _2XX,1,Set(WHERE=${DB(people/${EXTEN})})
 same => n,Goto(${IF($["${WHERE}" = ""]?desk:mobile)},${EXTEN},1)

[desk]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
""",
        wire=("extensions.conf:9", "phones"),
    ),
    Style(
        "AEL",
        "[default]\nexten => 1,1,Hangup()\n",
        wire=(),
        files={
            "extensions.ael": """\
context phones {
    _2XX => {
        Dial(@TECH@/${EXTEN},20);
        Hangup();
    };
};
"""
        },
        modules=("pbx_ael.so",),
        by_hand=True,
        code="",
    ),
    Style(
        "Lua",
        """\
[phones]
switch => Lua
exten => _2XX,2,Hangup()
""",
        wire=(),
        files={
            "extensions.lua": """\
extensions = { phones = {} }
extensions.phones['_2XX'] = function(context, extension)
    app.dial('@TECH@/' .. extension, 20)
end
"""
        },
        modules=("pbx_lua.so",),
        by_hand=True,
        code="",
    ),
    Style(
        "realtime",
        """\
[phones]
switch => Realtime/phones@extensions
""",
        wire=(),
        files={
            "extconfig.conf": "[settings]\nextensions => sqlite3,office,extensions\n",
            "res_config_sqlite3.conf": "[office]\ndbfile => @ETC@/office.sqlite3\n",
        },
        by_hand=True,
        code="",
    ),
    Style(
        "users.conf",
        """\
[default]
exten => 500,1,Answer()
 same => n,Echo()
""",
        wire=(),
        contexts=("default", "default", "default"),
        files={
            "users.conf": "[general]\nhasexten = yes\n\n[phone](!)\nhassip = yes\nhost = dynamic\nsecret = lab\n"
            "context = default\n\n[201](phone)\n[202](phone)\n[203](phone)\n"
        },
        versions=("16",),
        by_hand=True,
        code="",
    ),
    Style(
        "PJSIP's wizard",
        """\
[phones]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
""",
        files={
            "pjsip_wizard.conf": """\
[phone](!)
type = wizard
accepts_registrations = yes
accepts_auth = yes
inbound_auth/password = lab
aor/max_contacts = 1
aor/remove_existing = yes
endpoint/context = phones
endpoint/allow = !all,ulaw
endpoint/direct_media = no
endpoint/device_state_busy_at = 1

[201](phone)
inbound_auth/username = 201
[202](phone)
inbound_auth/username = 202
[203](phone)
inbound_auth/username = 203
"""
        },
        versions=("22",),
    ),
    Style(
        "chan_sip's general context",
        """\
[phones]
exten => _2XX,1,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
""",
        contexts=("", "", ""),
        versions=("16",),
    ),
)
