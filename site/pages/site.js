// The theme adds a <nav> with a copy button to every code block, without an accessible name. Add one to each.
new MutationObserver(() => {
  document.querySelectorAll('.md-code__nav:not([aria-label])').forEach(nav => {
    const block = nav.closest('[id^="__code_"]');
    nav.setAttribute('aria-label', `Code example ${Number(block?.id.slice('__code_'.length)) + 1}`);
  });
}).observe(document.body, {childList: true, subtree: true});
