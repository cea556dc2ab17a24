// Looks at `page` in frames of the `widths`, and writes what it sees as JSON into #views.

// What an element is called in a complaint.
const name = (element) =>
  element.localName + (element.id ? `#${element.id}` : "") +
  [...element.classList].map((one) => `.${one}`).join("");

const seen = (element) => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
};

// Relative luminance and contrast as the Web Content Accessibility Guidelines define them.
const channels = (color) => (color.match(/[\d.]+/g) || []).map(Number);
const luminance = (color) => {
  const [red, green, blue] = channels(color).slice(0, 3)
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (more + 0.05) / (less + 0.05);
};

const background = (element, style) => {
  for (let at = element; at; at = at.parentElement) {
    const color = style(at).backgroundColor;
    const [, , , alpha = 1] = channels(color);
    if (alpha > 0) return color;
  }
  return "rgb(255, 255, 255)";
};

const ownText = (element) =>
  [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

const look = (frame, width) => {
  const view = frame.contentWindow;
  const document = frame.contentDocument;
  const style = (element) => view.getComputedStyle(element);
  for (const details of document.querySelectorAll("details")) details.open = true;
  const all = [...document.body.querySelectorAll("*")].filter(seen);
  const out = ({ left, right }) => left < -0.5 || right > document.documentElement.clientWidth + 0.5;
  const pale = (element) => {
    const color = element.namespaceURI.endsWith("svg") ? style(element).fill : style(element).color;
    const least = element.closest("[aria-hidden]") ? 3 : 4.5;
    return contrast(color, background(element, style)) < least;
  };
  const charts = [...document.querySelectorAll("svg")].filter(seen);
  const sizes = charts.flatMap((chart) => {
    const scale = chart.getBoundingClientRect().width / chart.viewBox.baseVal.width;
    return [...chart.querySelectorAll("text")]
      .map((text) => parseFloat(style(text).fontSize) * scale);
  });
  return {
    width,
    title: document.title,
    sections: [...document.querySelectorAll("section")].filter(seen).map(({ id }) => id),
    too_wide: all.filter((element) => out(element.getBoundingClientRect())).map(name),
    too_pale: all.filter((element) => ownText(element) && pale(element)).map(name),
    foreign: [...document.querySelectorAll("script, img, iframe, link, object, embed, image")]
      .map(name),
    charts: charts.length,
    least_text: Math.min(...sizes, 99),
    background: style(document.body).backgroundColor,
  };
};

const views = [];
const next = (index) => {
  if (index === widths.length) {
    const text = JSON.stringify(views);
    const entities = /[<>&\u00a0]/g;
    const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    document.getElementById("views").textContent = text.replace(entities, escaped);
    return;
  }
  const frame = document.createElement("iframe");
  frame.style = `width: ${widths[index]}px; height: 900px; border: 0`;
  frame.onload = () => {
    views.push(look(frame, widths[index]));
    frame.remove();
    next(index + 1);
  };
  frame.srcdoc = page;
  document.body.append(frame);
};
next(0);
