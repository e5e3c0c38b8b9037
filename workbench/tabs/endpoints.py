"""The Endpoints tab: what runs where and what it costs, deploying, trying, and leaving nothing behind."""

import gradio as gr

from core.errors import WorkbenchError
from core.rights import may_spend, read_audit
from core.workspace import Workspace, person
from workbench.aws import AwsRoom
from workbench.cards import endpoints as cards
from workbench.cards.audit import audit_card
from workbench.deployments import Deployments
from workbench.tabs.connection import ConnectionCard, shown
from workbench.tabs.deploy import DeployCard
from workbench.tabs.use import UseCards
from workbench.view import QUIET, hidden_text, html_view
from workbench.words import notice, said

#: What an endpoint gets more by "Extend", in hours.
EXTEND_HOURS = 8
#: What is typed to delete all endpoints, and to remove what is left over.
ALL_TYPED, REMOVAL_TYPED = "delete all", "remove"
#: What the question is about, before its name: an endpoint's deletion or unlocking, all endpoints, a leftover (its kind
#: and name), all leftovers.
_DELETE, _UNLOCK, _ALL, _REMOVE, _REMOVE_ALL = "delete", "unlock", "delete-all", "remove", "remove-all"

#: Entries of the log that the page shows.
_AUDIT_SHOWN = 100

#: After "Delete" was pressed, the keyboard is where the name is typed.
_TO_THE_QUESTION = "() => setTimeout(() => document.querySelector('#typed-name :is(input, textarea)')?.focus(), 150)"


def build(workspace: Workspace, deployments: Deployments, room: AwsRoom, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    timer = gr.Timer(1.0)
    seen = gr.State([])
    known = gr.State([])  # what the page shows of the connection, as ``shown`` tells it
    unlocked = gr.State([])  # names of endpoints that no workbench made and that this page may delete
    tried = hidden_text("Endpoint that is tried")
    asked = gr.State(("", "", ""))  # what the question is about: what is to be done, a leftover's kind, a name
    logged = hidden_text("Endpoint whose log is shown")
    html_view(
        '<h2 class="title">Endpoints</h2><p class="lead">An endpoint lets other programs use your model. On this machine it is'
        " free, on Amazon SageMaker it costs money. Unless you say otherwise it deletes itself.</p>"
    )
    with gr.Column(elem_classes="card"):
        so = html_view(cards.first_sentence([]), elem_id="endpoints-so")
        unseen = html_view("", elem_id="endpoints-unseen")
        listed = html_view("", elem_id="endpoints")
        left = html_view("", elem_id="leftovers")
        trouble = html_view("", elem_id="endpoints-trouble")
        with gr.Column(visible=False, elem_id="confirm-delete") as confirm:
            question = html_view("")
            typed = gr.Textbox("", label="Type it here", max_lines=1, elem_id="typed-name")
            with gr.Row():
                sure = gr.Button("Delete for good", variant="stop", size="md", elem_id="delete-now")
                keep = gr.Button("Keep it", size="md", elem_id="keep")
        deleting = html_view("", elem_id="deleting")
        log = html_view("", elem_id="endpoint-log")
    use = UseCards(deployments, room, tried)
    with gr.Row(elem_classes="grid-half"):
        deploy = DeployCard(workspace, deployments, room, tab, seen)
        use.trial()
    use.programs()
    connection = ConnectionCard(room)
    with gr.Column(elem_classes="card", visible=may_spend(person())):
        with gr.Accordion("Who did what", open=False, elem_id="audit-fold") as audit_fold:
            audit = html_view("", elem_id="audit")

    # ---- handlers -------------------------------------------------------------------------------------------------
    def poll(name: str, last: list, last_known: list, names: list):
        """What is new since the last look; nothing is drawn again that did not change."""
        endpoints, now_known = deployments.endpoints(), room.seen()
        drawn = {
            so: cards.first_sentence(endpoints),
            unseen: cards.trouble_card(deployments.trouble or room.trouble(), deployments.heard),
            listed: cards.list_card(endpoints, names),
            left: cards.leftovers_card(deployments.leftovers()),
            deploy.deploying: cards.tasks_card(deployments.recent("deploy")),
            deleting: cards.tasks_card(deployments.recent("delete", "remove")),
        }
        ready = [one for one in endpoints if one.state == "Ready" and one.whose != "foreign"]
        ready = [one.name for one in sorted(ready, key=lambda one: one.whose != "mine")]
        now = [*drawn.values(), ready]
        changes = {**connection.drawn(now_known, last_known), **deploy.drawn(now_known, last_known)}
        if changes:
            changes[known] = shown(now_known)
        if now == last:
            return changes or {seen: gr.skip()}
        chosen = name if name in ready else next(iter(ready), "")
        return changes | {seen: now, **drawn} | ({tried: chosen} if chosen != name else {})

    def act(event: gr.EventData, names: list):
        """A button of the list."""
        if event.do == _ALL:
            mine = cards.mine(deployments.endpoints())
            return asking((_ALL, "", ""), cards.confirm_all(mine, ALL_TYPED), "Delete for good")
        try:
            if event.do == "log":
                return {logged: deployments.find(event.name).name, trouble: ""}
            endpoint = deployments.find(event.name, unlocked=event.do == _UNLOCK or event.name in names)
            if event.do == "try":
                return {tried: endpoint.name, trouble: ""}
            if event.do == "extend":
                deployments.extend(endpoint, EXTEND_HOURS)
                return {seen: [], trouble: ""}
            if event.do == _UNLOCK:
                return asking((_UNLOCK, "", endpoint.name), cards.confirm_unlock(endpoint), "Unlock it")
            return asking((_DELETE, "", endpoint.name), cards.confirm_one(endpoint), "Delete for good")
        except WorkbenchError as error:
            return {trouble: said(error), seen: []}

    def remove(event: gr.EventData):
        """A button of what is left over."""
        there = deployments.leftovers()
        if event.do == _REMOVE_ALL:
            there = cards.removable(there)
            return asking((_REMOVE_ALL, "", ""), cards.confirm_removal(there, REMOVAL_TYPED), "Remove for good")
        chosen = [one for one in there if (one.kind, one.name) == (event.kind, event.name)]
        if not chosen:
            return {trouble: notice("This is not left over any more.", tone="warn"), seen: []}
        return asking((_REMOVE, event.kind, event.name), cards.confirm_removal(chosen, REMOVAL_TYPED), "Remove for good")

    def asking(about: tuple[str, str, str], words: str, button: str) -> dict:
        return {
            asked: about, trouble: "", confirm: gr.update(visible=True), question: words, typed: "", sure: gr.update(value=button),
        }

    def answered() -> dict:
        return {asked: ("", "", ""), trouble: "", confirm: gr.update(visible=False), question: "", typed: ""}

    def do_it(about: tuple[str, str, str], typed_name: str, names: list):
        """Do what was asked about, if what it wants was typed."""
        what, kind, name = about
        wanted = {_ALL: ALL_TYPED, _REMOVE: REMOVAL_TYPED, _REMOVE_ALL: REMOVAL_TYPED}.get(what, name)
        if not what or typed_name.strip() != wanted:
            return {trouble: notice("Nothing was deleted.", f"Type “{wanted}” first.", tone="warn")}
        try:
            if what == _UNLOCK:
                return answered() | {unlocked: [*names, deployments.find(name, unlocked=True).name], seen: []}
            if what == _DELETE:
                deployments.delete(name, unlocked=name in names)
            elif what == _ALL:
                deployments.delete_mine()
            elif what == _REMOVE:
                deployments.remove(kind, name)
            else:
                deployments.remove_all()
        except WorkbenchError as error:
            return answered() | {trouble: said(error), seen: []}
        return answered() | {seen: []}

    def show_log(name: str):
        """The end of the log of the endpoint that was chosen, as it is now."""
        if not name:
            return ""
        try:
            return cards.log_card(name, deployments.log_tail(name))
        except WorkbenchError as error:
            return said(error)

    def on_log(event: gr.EventData, name: str):
        return ("", "") if event.do == "close" else (name, show_log(name))

    def show_audit() -> str:
        """What was done last, by all who share the machine, for those who may spend."""
        return audit_card(read_audit(workspace, newest=_AUDIT_SHOWN)) if may_spend(person()) else ""

    # ---- wiring ---------------------------------------------------------------------------------------------------
    live = [so, unseen, listed, left, deploy.deploying, deleting, tried, seen, known, *connection.outputs, *deploy.outputs]
    about = [confirm, question, typed, sure, asked, trouble, seen]
    tab.select(room.open, None, None, **QUIET)
    audit_fold.expand(show_audit, None, audit, **QUIET)
    gr.on([timer.tick, tab.select], poll, [tried, seen, known, unlocked], live, **QUIET)
    listed.click(act, unlocked, [*about, tried, logged], **QUIET).then(None, None, None, js=_TO_THE_QUESTION, **QUIET)
    left.click(remove, None, about, **QUIET).then(None, None, None, js=_TO_THE_QUESTION, **QUIET)
    gr.on([sure.click, typed.submit], do_it, [asked, typed, unlocked], [*about, unlocked], **QUIET)
    keep.click(answered, None, about, **QUIET)
    logged.change(show_log, logged, log, **QUIET)
    log.click(on_log, logged, [logged, log], **QUIET)
