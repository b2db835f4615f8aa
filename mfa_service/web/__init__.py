"""Pages for people: the hosted challenge page, self-service, enrollment by phone.

How to add a page. A module `<topic>_pages.py` exports a tuple `PAGES` of `Page(method, path, name,
view)`, which `routes.PAGES` collects. A view is `view(visit: Visit, **path: str) -> Response`: it
reads `visit.form`, `visit.query(…)`, `visit.cookie(…)`, calls one service, and ends with
`frame.render(visit, "x.html", status=…, **context)` or `frame.redirect(visit, "/path")` (303).

- Headers, fetch metadata, refusals as pages: done for you. Raise an `MfaError`, and the person gets
  a page with its status; a script that sends `Accept: application/json` gets problem+json.
- POST: first thing in the view, `guard.check_post(visit, secret)`, where `secret` is the session's
  cookie. In the form: `{{ csrf(token) }}` from `parts.html`, with `token=guard.csrf_token(secret)`;
  scripts send it as `X-CSRF-Token`. Then redirect (POST, 303, GET): never elsewhere, since
  `form-action 'self'` also stops redirects of forms. Leave for elsewhere with a link.
- What must happen once, on GET: only if `guard.is_navigation(visit.request)`.
- Cookies: `cookies.write/clear(response, visit.issuer, name, …)`, `visit.cookie(name)`; the
  `__Host-` prefix is added there.
- Words: `{{ _("…") }}`, `{% trans %}…{% endtrans %}`, `visit.gettext("…", name=value)`,
  `visit.ngettext(one, many, n)`; texts that wait in a table: `i18n.marked("…")`. English is the
  key; German stands in `translations/de/LC_MESSAGES/*.po`, one file per topic. A test holds both
  to each other.
- Times and numbers: `{{ seconds|moment }}`, `|day`, `|clock`, `{{ n|number }}`.
- Templates extend `base.html` (blocks `title`, `main`, `navigation`, `head`, `scripts`, `state`,
  and `{% block width %}wide{% endblock %}` for lists) and use `parts.html`; all addresses through
  `url("/path")` and `asset("file")`. No inline script, style or event handler: the policy stops
  them. Scripts are ES modules in `static/`, named in
  `{% block scripts %}{{ script("x.js") }}{% endblock %}`; no HTML from strings (trusted types).
- Waiting: `live.js` on `<main data-state="…/state" data-revision="…">` fetches
  `<data-state>?wait=25&known=<revision>` → `{"revision", …}` and, when it differs, replaces
  `<main>` by the page's new one, keeping focus and what was typed; elements with
  `data-announce` are read out.
"""
