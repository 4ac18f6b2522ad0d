// @ts-check
/**
 * The one way elements are made here. Text is always a text node, so a hostile name stays text.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Make an element: `h("button", { class: "cv-tab", onclick }, "Tree")`.
 *
 * A key that starts with "on" is a listener; "style" is an object; everything else is an attribute,
 * left out where it is null, undefined or false.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  assign(element, attributes);
  element.append(...present(children));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * The same for SVG.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  assign(element, attributes);
  element.append(...present(children));
  return element;
}

/**
 * @param {HTMLElement | SVGElement} element
 * @param {Record<string, any>} attributes
 */
function assign(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") setStyle(element, value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
}

/**
 * @param {HTMLElement | SVGElement} element
 * @param {Record<string, string | number>} style
 */
function setStyle(element, style) {
  for (const [name, value] of Object.entries(style)) {
    element.style.setProperty(name, String(value));
  }
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * @param {string} text
 * @param {string | null} label where the text is only a sign
 * @param {() => void} onclick
 */
export function button(text, label, onclick) {
  return h("button", { type: "button", "aria-label": label, title: label, onclick }, text);
}

/**
 * Names with texts. Not a `dl`: JupyterLab lays those out itself, in two floating columns.
 *
 * @param {string} name a class
 * @param {[string, string][]} facts
 */
export function factList(name, facts) {
  const items = facts.map(([label, text]) =>
    h(
      "div",
      { role: "listitem" },
      h("span", { class: "cv-name" }, label),
      h("span", { class: "cv-text" }, text),
    ),
  );
  return h("div", { class: name, role: "list" }, ...items);
}

/**
 * A group of buttons of which one is on, as a radio group: arrows choose, Tab passes by.
 *
 * @template {string} Value
 * @param {object} options
 * @param {string} options.label
 * @param {{ value: Value, text: string, hint?: string }[]} options.choices
 * @param {Value} options.value
 * @param {(value: Value) => void} options.onchoose
 */
export function choice({ label, choices, value, onchoose }) {
  const buttons = choices.map((item) =>
    h("button", { type: "button", role: "radio", title: item.hint, class: "cv-choice" }, item.text),
  );
  const group = h("div", { class: "cv-choices", role: "radiogroup", "aria-label": label });
  group.append(...buttons);

  /** @param {Value} chosen */
  const show = (chosen) => {
    choices.forEach((item, i) => {
      const on = item.value === chosen;
      buttons[i].setAttribute("aria-checked", String(on));
      buttons[i].tabIndex = on ? 0 : -1;
    });
  };
  /** @param {number} at */
  const choose = (at) => {
    show(choices[at].value);
    onchoose(choices[at].value);
  };
  buttons.forEach((button, i) => button.addEventListener("click", () => choose(i)));
  group.addEventListener("keydown", (event) => {
    const step = stepOf(event.key);
    if (!step) return;
    const from = buttons.findIndex((button) => button === event.target);
    const to = (from + step + buttons.length) % buttons.length;
    event.preventDefault();
    buttons[to].focus();
    choose(to);
  });
  show(value);
  return { element: group, show };
}

/** @param {string} key */
function stepOf(key) {
  if (key === "ArrowRight" || key === "ArrowDown") return 1;
  return key === "ArrowLeft" || key === "ArrowUp" ? -1 : 0;
}
