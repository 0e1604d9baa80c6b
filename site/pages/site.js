// The theme gives every block of code a <nav> with a button to copy it. They are told apart by names, which it does not give.
new MutationObserver(() => {
  document.querySelectorAll('.md-code__nav:not([aria-label])').forEach(nav => {
    const block = nav.closest('[id^="__code_"]');
    nav.setAttribute('aria-label', `Code example ${Number(block?.id.slice('__code_'.length)) + 1}`);
  });
}).observe(document.body, {childList: true, subtree: true});
