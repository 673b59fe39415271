# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP around the book: signed requests in, documents and problems out, in a thread of its own."""

import asyncio
import email.utils
import json
import pathlib
import random
import re
import secrets
import ssl
import threading
import time

from aiohttp import web
from cryptography import x509

from . import pki
from .jose import Jws, Key, decode, encode
from .model import Book
from .problem import Problem
from .settings import Settings
from .view import View

REQUEST_MAX = 64 * 1024
CONTACT = re.compile(r"mailto:[^@\s,?]+@[^@\s,?]+\.[^@\s,?]+")
DIRECTORY = {"newNonce": "/nonce", "newAccount": "/new-account", "newOrder": "/new-order", "revokeCert": "/revoke", "keyChange": "/key",
             "renewalInfo": "/renewal"}


class Authority:
    def __init__(self, folder, settings=None, **values):
        self.settings = settings or Settings(**values)
        self.nonces, self.requests = set(), []  # what was asked, as (resource, account URL or None)
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()
        self.folder = pathlib.Path(folder)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        if not self.ready.wait(20):
            raise RuntimeError("the authority did not start")

    # --- life ---

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.stopping = asyncio.Event()
        self.loop.run_until_complete(self.serve())
        self.loop.close()

    async def serve(self):
        self.view = View(self.settings)
        self.book = Book(self.settings, self.view, "")
        certificate, key, self.root = self.book.pki.write_server(self.folder, self.settings.names)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        app = web.Application(client_max_size=REQUEST_MAX)
        app.add_routes([web.route("*", "/{path:.*}", self.answer)])
        # A test that ends leaves clients connected: nobody waits for them.
        runner = web.AppRunner(app, shutdown_timeout=0, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, *self.settings.listen, ssl_context=context)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        host = self.settings.names[-1] if self.settings.listen[0] == "0.0.0.0" else self.settings.listen[0]
        self.book.base = f"https://{host}:{port}"
        self.directory = f"{self.book.base}/directory"
        self.ready.set()
        await self.stopping.wait()
        await runner.cleanup()
        # Handshakes and validations under way, too.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self):
        if self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(20)

    # --- what tests look at ---

    def accounts(self):
        return list(self.book.accounts.values())

    def orders(self):
        return list(self.book.orders.values())

    def certificates(self):
        return list(self.book.certificates.values())

    def count(self, resource):
        return sum(r == resource for r, _ in self.requests)

    # --- requests ---

    async def answer(self, request):
        try:
            reply = await self.route(request)
        except Problem as e:
            reply = web.Response(status=e.status, text=e.page or json.dumps(e.document()),
                                 content_type="text/html" if e.page else "application/problem+json")
            if e.retry_after is not None:
                reply.headers["Retry-After"] = str(e.retry_after)
            if e.location:
                reply.headers["Location"] = e.location
        nonce = encode(secrets.token_bytes(16))
        self.nonces.add(nonce)
        reply.headers["Replay-Nonce"] = nonce
        reply.headers["Cache-Control"] = "no-store"
        reply.headers["Date"] = email.utils.formatdate(time.time() + self.settings.clock, usegmt=True)
        reply.headers.add("Link", f'<{self.directory}>;rel="index"')
        return reply

    def fault(self, resource, account=None):
        self.requests.append((resource, account))
        fault = self.settings.take_fault(resource, account)
        if fault:
            problem = Problem(fault.type, fault.detail, fault.status, retry_after=fault.retry_after)
            problem.page = fault.body
            if not fault.afterwards:
                raise problem
            self.late = problem

    async def route(self, request):
        path = request.path
        if "User-Agent" not in request.headers:
            raise Problem("malformed", "a User-Agent is missing")
        if path == "/directory" and request.method == "GET":
            self.fault("directory")
            return web.json_response(self.directory_document())
        if path == DIRECTORY["newNonce"] and request.method in ("GET", "HEAD"):
            self.fault("newNonce")
            return web.Response(status=200 if request.method == "HEAD" else 204)
        if path.startswith(DIRECTORY["renewalInfo"] + "/") and request.method == "GET":
            self.fault("renewalInfo")
            return self.renewal_info(path.rpartition("/")[2])
        if request.method != "POST":
            raise Problem("malformed", f"{request.method} {path} is nothing here", 405)
        if request.content_type != "application/jose+json":
            raise Problem("malformed", "application/jose+json was expected", 415)
        jws = Jws(await request.read())
        account, key = self.check_signature(jws, self.book.base + path)
        self.late = None
        reply = self.post(path, jws, account, key)
        if self.late:
            raise self.late
        return reply

    def directory_document(self):
        meta = {"termsOfService": f"{self.book.base}/terms", "caaIdentities": list(self.settings.identities),
                "externalAccountRequired": bool(self.settings.external_accounts),
                "profiles": {name: p.description for name, p in self.settings.profiles.items()}}
        return {k: self.book.base + v for k, v in DIRECTORY.items()} | {"meta": meta}

    def check_signature(self, jws, url):
        header = jws.header
        if ("jwk" in header) == ("kid" in header):
            raise Problem("malformed", "either jwk or kid was expected")
        account = None
        if "kid" in header:
            account = self.book.accounts.get(header["kid"])
            if not account:
                raise Problem("accountDoesNotExist", "there is no such account")
        key = account.key if account else Key(header["jwk"])
        jws.verify(key)
        if header.get("url") != url:
            raise Problem("unauthorized", f"the request was signed for {header.get('url')}")
        if header.get("nonce") not in self.nonces or random.randrange(100) < self.settings.reject_nonces:
            self.nonces.discard(header.get("nonce"))
            raise Problem("badNonce", "the nonce is not good, or not good any more")
        self.nonces.remove(header["nonce"])
        if account and account.status != "valid":
            raise Problem("unauthorized", f"the account is {account.status}")
        return account, key

    def post(self, path, jws, account, key):
        fixed = {DIRECTORY["newAccount"]: ("newAccount", self.new_account), DIRECTORY["revokeCert"]: ("revokeCert", self.revoke)}
        if path in fixed:
            resource, method = fixed[path]
            self.fault(resource, account and account.url)
            return method(jws, account, key)
        if not account:
            raise Problem("malformed", "this is to be signed with a kid")
        url = self.book.base + path
        for resource, wanted, method in (
                ("newOrder", path == DIRECTORY["newOrder"], self.new_order),
                ("keyChange", path == DIRECTORY["keyChange"], self.key_change),
                ("account", url in self.book.accounts, self.account),
                ("order", url in self.book.orders, self.order),
                ("finalize", url.removesuffix("/finalize") in self.book.orders, self.finalize),
                ("authz", url in self.book.authorizations, self.authorization),
                ("challenge", url in self.book.challenges, self.challenge),
                ("cert", url.removesuffix("/other") in self.book.certificates, self.certificate)):
            if wanted:
                self.fault(resource, account.url)
                return method(url, jws, account)
        raise Problem("malformed", f"{path} is nothing here", 404)

    # --- accounts ---

    def account_reply(self, account, status):
        return web.json_response(account.document(), status=status, headers={"Location": account.url})

    @staticmethod
    def check_contact(request):
        contact = request.get("contact", [])
        for c in contact:
            if not c.startswith("mailto:"):
                raise Problem("unsupportedContact", f"{c} is no mail address")
            if not CONTACT.fullmatch(c):
                raise Problem("invalidContact", f"{c} is no mail address")
        return contact

    def check_external(self, jws, request, key):
        binding = request.get("externalAccountBinding")
        if not self.settings.external_accounts:
            return None
        if not binding:
            raise Problem("externalAccountRequired", "an external account is required")
        inner = Jws(binding)
        kid = inner.header.get("kid")
        if kid not in self.settings.external_accounts or inner.header.get("url") != jws.header["url"] or inner.json != key.jwk:
            raise Problem("unauthorized", "the external account's binding is for something else", 403)
        inner.verify_hmac(self.settings.external_accounts[kid])
        return kid

    def new_account(self, jws, account, key):
        if account:
            raise Problem("malformed", "a new account is signed with its key")
        request, old = jws.json, self.book.find_account(key)
        if old:
            if old.status != "valid":
                raise Problem("unauthorized", f"the account is {old.status}")
            return self.account_reply(old, 200)
        if request.get("onlyReturnExisting"):
            raise Problem("accountDoesNotExist", "no account has this key")
        if not request.get("termsOfServiceAgreed"):
            raise Problem("userActionRequired", "the terms of service have to be agreed to")
        external = self.check_external(jws, request, key)
        return self.account_reply(self.book.add_account(key, self.check_contact(request), external), 201)

    def account(self, url, jws, account):
        if url != account.url:
            raise Problem("unauthorized", "this is another account", 403)
        if jws.payload:
            request = jws.json
            if request.get("status", "deactivated") != "deactivated":
                raise Problem("malformed", "an account is deactivated, and nothing else")
            if "status" in request:
                self.book.deactivate(account)
            if "contact" in request:
                account.contact = self.check_contact(request)
        return self.account_reply(account, 200)

    def key_change(self, url, jws, account):
        inner = Jws(jws.payload)
        if "kid" in inner.header:
            raise Problem("malformed", "the inner request is signed with the new key")
        key = Key(inner.header.get("jwk"))
        inner.verify(key)
        if inner.header.get("url") != jws.header["url"] or "nonce" in inner.header:
            raise Problem("malformed", "the inner request is signed for something else")
        request = inner.json
        if request.get("account") != account.url or Key(request.get("oldKey")).thumbprint != account.key.thumbprint:
            raise Problem("malformed", "the inner request is for another account")
        other = self.book.find_account(key)
        if other:
            raise Problem("malformed", "another account has this key", 409, location=other.url)
        account.key = key
        return self.account_reply(account, 200)

    # --- orders ---

    def polled(self, document, url, pending, status=200):
        reply = web.json_response(document, status=status, headers={"Location": url})
        if pending and self.settings.poll_after is not None:
            reply.headers["Retry-After"] = str(self.settings.poll_after)
        return reply

    def own(self, thing, account):
        if thing.account is not account:
            raise Problem("unauthorized", "this is another account's", 403)
        return thing

    def new_order(self, url, jws, account):
        order = self.book.add_order(account, jws.json)
        return self.polled(order.document(), order.url, False, 201)

    def order_reply(self, order):
        reply = self.polled(order.document(), order.url, order.status in ("pending", "processing"))
        if order.status == "processing" and self.settings.processing_after is not None:
            reply.headers["Retry-After"] = str(self.settings.processing_after)
        return reply

    def order(self, url, jws, account):
        return self.order_reply(self.own(self.book.orders[url], account))

    def finalize(self, url, jws, account):
        order = self.own(self.book.orders[url.removesuffix("/finalize")], account)
        csr = jws.json.get("csr")
        if not isinstance(csr, str):
            raise Problem("malformed", "a csr is missing")
        self.book.finalize(order, decode(csr))
        return self.order_reply(order)

    def authorization(self, url, jws, account):
        a = self.own(self.book.authorizations[url], account)
        if jws.payload and jws.json.get("status") == "deactivated":
            a.status = "deactivated"
        return self.polled(a.document(), url, a.status == "pending")

    def challenge(self, url, jws, account):
        c = self.book.challenges[url]
        self.own(c.authorization, account)
        if jws.payload:
            if jws.json != {}:
                raise Problem("malformed", "a challenge is answered with {}")
            self.book.begin(c)
        reply = self.polled(c.document(), url, c.status == "processing")
        reply.headers.add("Link", f'<{c.authorization.url}>;rel="up"')
        return reply

    # --- certificates ---

    def certificate(self, url, jws, account):
        c = self.own(self.book.certificates[url.removesuffix("/other")], account)
        other = url != c.url
        reply = web.Response(text=self.book.pki.chain(c.leaf, int(other)), content_type="application/pem-certificate-chain", charset=None)
        if not other:
            reply.headers.add("Link", f'<{url}/other>;rel="alternate"')
        return reply

    def revoke(self, jws, account, key):
        request = jws.json
        try:
            leaf = x509.load_der_x509_certificate(decode(request.get("certificate")))
        except ValueError:
            raise Problem("malformed", "this is no certificate") from None
        self.book.revoke(leaf, request.get("reason", 0), account, None if account else key)
        return web.Response()

    def renewal_info(self, identifier):
        certificate = self.book.by_id.get(identifier)
        if not certificate:
            raise Problem("malformed", "there is no such certificate", 404)
        start, end = (t.isoformat(timespec="seconds").replace("+00:00", "Z") for t in self.book.renewal_window(certificate))
        if certificate.revoked is not None:
            past = pki.now() - pki.seconds(3600)
            start, end = (t.isoformat(timespec="seconds").replace("+00:00", "Z") for t in (past - pki.seconds(3600), past))
        document = {"suggestedWindow": {"start": start, "end": end}}
        if certificate.explanation:
            document["explanationURL"] = certificate.explanation
        return web.json_response(document, headers={"Retry-After": str(self.settings.renewal_retry_after)})
