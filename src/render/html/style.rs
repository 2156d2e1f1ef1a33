//! The style of the page.

/// Light and dark, screen and paper. Colours only repeat what signs and lines say.
pub(super) const CSS: &str = "\
:root { --ink: #1b1f24; --paper: #ffffff; --dim: #5c6670; --line: #d5dae0; --soft: #f4f6f8;
  --good: #116329; --bad: #a40e26; --open: #7d5200; --added: #dafbe1; --removed: #ffe5e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e7ec; --paper: #14171b; --dim: #98a2ad; --line: #333a42; --soft: #1d2127;
    --good: #5bd07a; --bad: #ff8a94; --open: #e0b252; --added: #14391f; --removed: #4a1a20; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 110rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
pre, td, th { font-variant-numeric: tabular-nums; }
pre { font-family: ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; }
th, td { padding: .2rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; }
.right { text-align: right; }
.dim { color: var(--dim); }
.winner { font-weight: 700; }
.improved { color: var(--good); }
.regressed, .bad { color: var(--bad); }
.open { color: var(--open); }
.note { color: var(--dim); border-left: 3px solid var(--line); padding-left: .7rem; margin: .4rem 0; }
.outcome { font-weight: 400; font-size: .9em; margin-left: .6rem; }
.change { width: 100%; table-layout: fixed; margin: .5rem 0 1rem; }
.change td { width: 50%; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; border: 0;
  padding: .05rem .7rem; }
.change td + td { border-left: 1px solid var(--line); }
.change.code td { font-family: ui-monospace, monospace; }
.change .said { color: var(--dim); font-style: italic; }
del, td.removed { background: var(--removed); }
ins, td.added { background: var(--added); }
del { text-decoration: line-through; }
ins { text-decoration: underline; }
@media print {
  :root { --ink: #000; --paper: #fff; --dim: #444; --line: #aaa; --added: transparent; --removed: transparent; }
  main { max-width: none; padding: 0; }
  .wide { overflow: visible; }
  tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; } }
";
