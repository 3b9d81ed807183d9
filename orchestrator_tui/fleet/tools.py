"""What kind of tool a name stands for: clients and servers name them differently, the verbs are few."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from orchestrator_tui.fleet.marks import small_key, words

Kind = Literal["shell", "edit", "read", "search", "web", "note", "ask", "agent", "wait", "query", "act", "other"]
"""`query` and `act` are tools known by their verb only: the answer is the information, or the deed is."""

_NAMES: dict[Kind, str] = {
    "shell": "bash shell shellcommand localshell localshellcall execcommand exec runshellcommand runcommand"
    " runterminalcommand runterminalcmd runinterminal executecommand executebash terminal powershell cmd sh zsh"
    " bashtool"
    " containerexec ipython python runpython executepython pythoninterpreter codeinterpreter runcode executecode"
    " notebookexecute shelltool unifiedexec developershell",
    "edit": "edit multiedit write notebookedit applypatch replace writefile editfile strreplace strreplaceeditor"
    " strreplacebasededittool createfile insert patch applydiff writetofile searchreplace searchandreplace"
    " replaceinfile insertcontent savefile updatefile createtextfile replacelines insertatline multiapply editblock"
    " wholefile replacesymbolbody deletefile movefile renamefile copyfile createdirectory",
    "read": "read readfile readfiles readmanyfiles readmultiplefiles view viewfile viewimage cat open openfile"
    " getfile"
    " notebookread readlines readtextfile filereadtool fileread readresource readmcpresource",
    "search": "grep glob ls list listdir listdirectory listfiles search searchfiles searchfile grepsearch filesearch"
    " searchfilecontent codebasesearch find findfiles toolsearch ripgrep lsp findsymbol searchforpattern",
    "web": "webfetch websearch websearchcall fetch googlewebsearch browse httprequest fetchurl urlfetch",
    "note": "todowrite updateplan writetodos taskcreate taskupdate savememory memory think settitle"
    " enterplanmode skill"
    " updatetodolist todo plan",
    "ask": "askuserquestion exitplanmode question requestuserinput askuser askfollowupquestion clarify askhuman"
    " humaninput requestapproval confirm elicit",
    "agent": "task agent invokeagent spawnagent subagent delegate delegatetoagent delegatetask runagent dispatchagent"
    " newtask launchagent workflow",
    "wait": "wait waitagent sleep bashoutput taskoutput writestdin agentoutputtool readoutput"
    " waitforprevioustools poll"
    " waitfor monitor awaitshell",
}
_KINDS: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLAIN = re.compile(r"[^a-z0-9]")
_QUERY = words(
    "get list read search find query fetch show view lookup describe check inspect status browse select grep"
    " count look"
    " resolve info stat stats retrieve load peek scan analyze analyse evaluate screenshot snapshot extract"
    " explain history"
    " diff log logs tail output"
)
_ACT = words(
    "click type press fill create update delete send add set insert move rename mark close write put post append save"
    " remove submit scroll drag hover upload navigate goto book buy assign comment reply publish deploy start"
    " stop restart"
    " cancel edit replace apply patch push merge commit react upsert store record notify email schedule"
)
_CHANGES = words(
    "create update delete send add set insert move rename write put post append save remove submit upload deploy start"
    " stop restart edit replace apply patch push merge commit upsert store"
)
_POLLS = words("status state progress poll wait health ready output logs log monitor job jobs queue")
ASKED_FIRST = frozenset({"edit", "shell", "web", "act", "other", "query", "agent"})
"""Kinds for which clients ask a person in their default mode; reading is free in all of them."""
INSTANT = frozenset({"edit", "read", "search", "note"})
"""Kinds that answer within a second: nothing runs outside the client."""


class Tool:
    """What a tool's name says."""

    __slots__ = ("changes", "key", "kind", "polls", "remote", "server")

    def __init__(self, name: str, kind: Kind, remote: bool, polls: bool, server: str, changes: bool) -> None:
        self.key = small_key(name)
        """The same for the same name."""
        self.kind = kind
        self.remote = remote
        """It runs elsewhere: an MCP server, the web."""
        self.polls = polls
        """Its name says that it asks how something stands."""
        self.changes = changes
        """A deed after which something may be answered in another way."""
        self.server = server
        """The MCP server that it belongs to."""


@lru_cache(maxsize=1024)
def tool_of(name: str) -> Tool:
    """What `name` stands for; of an MCP tool (`mcp__server__tool`, `server.tool`) the last part counts."""
    server = ""
    short = name
    if name.startswith("mcp__"):
        server, _, short = name[5:].partition("__")
        short = short or server
    elif "__" in name or "." in name or "/" in name:
        server, _, short = re.sub(r"__|/", ".", name).rpartition(".")
    parts = [word.lower() for word in _WORDS.findall(short)]
    polls = not _POLLS.isdisjoint(parts)
    kind = _KINDS.get(_PLAIN.sub("", short.lower()))
    if kind is None:
        kind = _by_verb(parts)
    elif server and kind in ("edit", "read", "search", "note", "agent", "shell"):
        # A server's `search` or `read` is no local one: how long it takes and whether it writes is its own.
        kind = "query" if kind in ("read", "search") else kind
    remote = bool(server) or kind == "web"
    changes = kind == "act" and not _CHANGES.isdisjoint(parts)
    return Tool(name, kind, remote, polls or kind == "wait", server, changes)


def _by_verb(parts: list[str]) -> Kind:
    if "ask" in parts and not {"user", "human", "person"}.isdisjoint(parts):
        return "ask"
    for word in parts:
        if word in _ACT:
            return "act"
        if word in _QUERY:
            return "query"
    return "other"
