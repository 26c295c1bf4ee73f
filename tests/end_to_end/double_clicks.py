"""Double clicks on every form and button of a page that posts; what two clicks send is counted."""

# Everything happens within one task of the page: nothing else that it does comes in between.
# Nothing leaves the browser. What htmx sends is answered by nothing once both clicks are done,
# because it may keep the second click until the first is answered.
TWICE = """
() => {
    const unsafe = "[hx-post], [hx-put], [hx-patch], [hx-delete]";
    let asked = [], sent = 0;
    XMLHttpRequest.prototype.send = function () { asked.push(this); };
    window.confirm = () => true;
    window.addEventListener("submit", (event) => {
        if (event.defaultPrevented) return;
        sent += 1;
        event.preventDefault();
    });
    const name = (one) => one.getAttribute("action") || one.getAttribute("hx-post") || one.id;
    const count = (press) => {
        [asked, sent] = [[], 0];
        press();
        press();
        for (const one of [...asked]) {
            Object.defineProperty(one, "status", { value: 204 });
            one.onload();
        }
        return sent + asked.length;
    };
    const found = [];
    for (const form of document.forms) {
        if (form.getAttribute("method")?.toLowerCase() !== "post") continue;
        form.noValidate = true;
        const buttons = [...form.elements].filter((one) => one.type === "submit");
        const button = buttons.find((one) => !one.matches(":disabled"));
        if (buttons.length && !button) continue;
        const press = () => button ? button.click() : form.requestSubmit();
        found.push([name(form), count(press)]);
    }
    for (const one of document.querySelectorAll(unsafe)) {
        const trigger = one.getAttribute("hx-trigger") ?? "click";
        if (one.matches("form") || !/click/.test(trigger)) continue;
        found.push([name(one), count(() => one.click())]);
    }
    return found;
}
"""


def double_clicks(page):
    """The forms and buttons of a page that post: the name of each, and how often it was sent."""
    return page.evaluate(TWICE)
