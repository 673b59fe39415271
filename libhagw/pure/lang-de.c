/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* German: by first name, as in a family. Pure. */

#include "libhagw/pure/lang-texts.h"

const char *const lang_de[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "Willkommen zu Hause",
        [TEXT_LOGIN_INTRO] = "Melde dich an, um {{host}} zu öffnen.",
        [TEXT_WALL_RELAY] = "Das ist die Anmeldung des Relays. "
                                "Danach kommt die des Hauses.",
        [TEXT_WALL_FRONT] = "Das ist die Anmeldung des Relays. "
                                "Danach kommt vielleicht noch die des Hauses.",
        [TEXT_WALL_HOUSE] = "Die Anmeldung des Relays ist geschafft. "
                                "Das ist die des Hauses, mit eigenen Benutzern und Passwörtern.",
        [TEXT_WALL_FIRST] = "Das ist die Anmeldung des ersten von zwei Gateways. "
                                "Danach kommt die des zweiten.",
        [TEXT_WALL_SECOND] = "Die Anmeldung des ersten Gateways ist geschafft. "
                                 "Das ist die des zweiten, mit eigenen Benutzern und Passwörtern.",
        [TEXT_USER] = "Benutzername",
        [TEXT_PASSWORD] = "Passwort",
        [TEXT_SHOW] = "Zeigen",
        [TEXT_HIDE] = "Verbergen",
        [TEXT_FORGOT] = "Passwort vergessen?",
        [TEXT_FORGOT_HOW] = "Nachsehen kann es niemand, aber wer sich um dieses Haus kümmert, kann "
                             "dir ein neues geben.",
        [TEXT_FORGOT_INSIDE] = "Auf dem Gateway: sudo hagw-ctl user passwd NAME.",
        [TEXT_LOGIN_BUTTON] = "Anmelden",
        [TEXT_LOGIN_WRONG] = "Benutzername oder Passwort stimmt nicht. Bitte versuche es noch einmal.",
        [TEXT_LOGIN_WAIT] = "Zu viele Versuche. Bitte warte {{seconds}} s bis zum nächsten.",
        [TEXT_LOGIN_BUSY] = "Gerade melden sich viele an. Bitte versuche es gleich noch einmal.",
        [TEXT_LOGIN_AGAIN] = "Diese Seite war zu alt. Bitte gib dein Passwort noch einmal ein.",
        [TEXT_SIGNED_IN_TITLE] = "Du bist drin",
        [TEXT_SIGNED_IN_INTRO] = "{{host}} wird geöffnet …",
        [TEXT_SIGNED_IN_LINK] = "Weiter",
        [TEXT_LOGOUT_TITLE] = "Abmelden?",
        [TEXT_LOGOUT_INTRO] = "Du bist bei {{host}} als {{user}} angemeldet.",
        [TEXT_LOGOUT_BUTTON] = "Abmelden",
        [TEXT_LOGOUT_STAY] = "Angemeldet bleiben",
        [TEXT_LOGGED_OUT_TITLE] = "Abgemeldet",
        [TEXT_LOGGED_OUT_INTRO] = "Du bist bei {{host}} nicht mehr angemeldet.",
        [TEXT_LOGIN_LINK] = "Wieder anmelden",
        [TEXT_DENIED_TITLE] = "Nicht deine Tür",
        [TEXT_DENIED_INTRO] = "Du bist als {{user}} angemeldet und darfst {{host}} nicht öffnen. "
                              "Wer sich um dieses Haus kümmert, kann das ändern.",
        [TEXT_DENIED_BUTTON] = "Als jemand anderes anmelden",
        [TEXT_ERROR_TITLE] = "Das hat nicht geklappt",
        [TEXT_ERROR_INTRO] = "Dein Browser hat etwas geschickt, das diese Seite nicht versteht.",
        [TEXT_NOT_FOUND_TITLE] = "Hier ist nichts",
        [TEXT_NOT_FOUND_INTRO] = "Diese Seite gibt es nicht.",
        [TEXT_HOME_LINK] = "Zurück zu {{host}}",
        [TEXT_FOOTER] = "Diese Tür hütet hagw",
        [TEXT_TROUBLE_BAD_REQUEST] = "Dein Browser hat etwas geschickt, das sich nicht verstehen lässt, "
                                     "oder auf mehr als eine Weise.",
        [TEXT_TROUBLE_LOGIN_TITLE] = "Bitte melde dich erst an",
        [TEXT_TROUBLE_LOGIN] = "In diesem Browser ist niemand bei {{host}} angemeldet.",
        [TEXT_TROUBLE_FORM_TITLE] = "Du bist nicht mehr angemeldet",
        [TEXT_TROUBLE_FORM] = "Was du abgeschickt hast, ist nicht verloren: Melde dich in einem neuen Tab "
                              "an, komm hierher zurück und lade diese Seite neu. Dein Browser fragt dann, "
                              "ob er es noch einmal senden darf.",
        [TEXT_TROUBLE_FORM_LINK] = "In einem neuen Tab anmelden",
        [TEXT_TROUBLE_FOREIGN_TITLE] = "Von einer anderen Seite verlangt",
        [TEXT_TROUBLE_FOREIGN] = "Das hat eine Seite von anderswo verlangt, und deine Anmeldung hier ist "
                                 "nicht für sie. Öffne {{host}} selbst.",
        [TEXT_TROUBLE_FOREIGN_HINT] = "Welche Seite diesen Namen zeigen darf, sagt embedded_by, siehe "
                                      "hagw.conf(5).",
        [TEXT_TROUBLE_FORBIDDEN] = "Du bist angemeldet, darfst aber {{host}} nicht öffnen. Wer sich um "
                                   "dieses Haus kümmert, kann das ändern.",
        [TEXT_TROUBLE_METHOD] = "Anfragen dieser Art werden hier nicht bedient.",
        [TEXT_TROUBLE_TIMEOUT_TITLE] = "Das hat zu lange gedauert",
        [TEXT_TROUBLE_TIMEOUT] = "Die Anfrage kam zu langsam an. Bitte versuche es noch einmal.",
        [TEXT_TROUBLE_TOO_LONG_TITLE] = "Die Adresse ist zu lang",
        [TEXT_TROUBLE_TOO_LONG] = "Adressen dieser Länge werden hier nicht bedient.",
        [TEXT_TROUBLE_EXPECTATION] = "Die Anfrage erwartet etwas, das dieses Gateway nicht kennt.",
        [TEXT_TROUBLE_MISDIRECTED_TITLE] = "Die falsche Tür",
        [TEXT_TROUBLE_MISDIRECTED] = "Dein Browser hat eine Verbindung benutzt, die für einen anderen "
                                     "Namen gedacht war. Ein neuer Versuch nimmt eine neue.",
        [TEXT_TROUBLE_TOO_LARGE_TITLE] = "Zu viel Gepäck",
        [TEXT_TROUBLE_TOO_LARGE] = "Was dein Browser mit jeder Anfrage mitschickt, ist zu groß. Es hilft, "
                                   "die Cookies dieser Seite zu löschen.",
        [TEXT_TROUBLE_GATEWAY_TITLE] = "Von drinnen kommt keine Antwort",
        [TEXT_TROUBLE_GATEWAY] = "Der Dienst hinter {{host}} antwortet nicht, wie er soll. Vielleicht "
                                 "startet er gerade neu.",
        [TEXT_TROUBLE_GATEWAY_HINT] = "Bleibt es so: Läuft der Dienst, und stimmen Adresse und Port? "
                                      "hagw-ctl status zeigt beides.",
        [TEXT_TROUBLE_OFFLINE_TITLE] = "Niemand öffnet",
        [TEXT_TROUBLE_OFFLINE] = "Das Haus, das du besuchen willst, ist offline: Es ist gerade nicht mit "
                                 "diesem Relay verbunden.",
        [TEXT_TROUBLE_SUSPENDED] = "Der Weg zu dem Haus, das du besuchen willst, ist gesperrt. Nur "
                                   "wer dieses Relay betreibt, kann ihn wieder öffnen.",
        [TEXT_TROUBLE_EXHAUSTED] = "Was das Haus, das du besuchen willst, in einem Monat über dieses "
                                   "Relay senden und empfangen darf, ist aufgebraucht. Es öffnet "
                                   "wieder zu Beginn des nächsten Monats, oder wenn der Betreiber des "
                                   "Relays mehr erlaubt.",
        [TEXT_TROUBLE_CROWDED] = "Das Haus, das du besuchen willst, hat so viele Besucher, wie es "
                                 "über dieses Relay gleichzeitig aufnehmen kann.",
        [TEXT_TROUBLE_NO_HOST] = "Das Haus, das du besuchen willst, ist da, kennt aber den Namen "
                                 "{{host}} nicht. Nur wer dort wohnt, kann das ändern.",
        [TEXT_TROUBLE_REFUSES] = "Das Haus, das du besuchen willst, ist da, nimmt aber keine "
                                 "Besucher, deren Verbindungen dieses Relay geöffnet hat. Nur wer "
                                 "dort wohnt, kann das ändern.",
        [TEXT_TROUBLE_BUSY_TITLE] = "Einen Augenblick, bitte",
        [TEXT_TROUBLE_BUSY] = "Das Gateway ist beschäftigt oder noch nicht so weit.",
        [TEXT_TROUBLE_BUSY_HINT] = "Bleibt es so, sagt hagw-ctl status, warum.",
        [TEXT_TROUBLE_LATE] = "Der Dienst hinter {{host}} hat zu lange für eine Antwort gebraucht.",
        [TEXT_TROUBLE_LATE_HINT] = "Bleibt es so: Läuft der Dienst, und ist er nicht überlastet? hagw-ctl "
                                   "status zeigt, wie er antwortet.",
        [TEXT_TROUBLE_VERSION] = "Hier wird nur HTTP/1.1 bedient.",
        [TEXT_TROUBLE_SERVICE] = "Dienst",
        [TEXT_TROUBLE_ERROR] = "Was nicht ging",
        [TEXT_TROUBLE_WAITS] = "Diese Seite versucht es von selbst wieder.",
        [TEXT_TROUBLE_NOW] = "Gleich versuchen",
        [TEXT_STATUS_ADDRESSES] = "Öffentliche Adressen",
        [TEXT_STATUS_HOSTS] = "Namen",
        [TEXT_STATUS_CERTIFICATES] = "Zertifikate",
        [TEXT_STATUS_DAEMONS] = "Dienste",
        [TEXT_STATUS_NONE] = "keine",
        [TEXT_STATUS_NONE_YET] = "noch keine",
        [TEXT_STATUS_CONFIRMED] = "vor {{span}} bestätigt",
        [TEXT_STATUS_LEFT] = "noch {{span}}",
        [TEXT_STATUS_DAYS] = "{{n}} d",
        [TEXT_STATUS_HOURS] = "{{n}} h",
        [TEXT_STATUS_MINUTES] = "{{n}} min",
        [TEXT_STATUS_MOMENT] = "einem Augenblick",
        [TEXT_STATUS_SILENT] = "antwortet nicht",
        [TEXT_STATUS_SILENT_WHY] = "systemctl status sagt, warum",
        [TEXT_STATUS_REFUSED] = "Konfiguration abgelehnt",
        [TEXT_STATUS_RUNNING] = "läuft",
        [TEXT_STATUS_OK] = "in Ordnung",
        [TEXT_STATUS_FAILING] = "gestört",
        [TEXT_STATUS_UNKNOWN] = "noch nicht gefragt",
        [TEXT_STATUS_VALID] = "gültig",
        [TEXT_STATUS_WAITING] = "wartet",
        [TEXT_STATUS_ORDERING] = "wird bestellt",
        [TEXT_STATUS_EXPIRING] = "läuft ab",
        [TEXT_STATUS_EXPIRED] = "abgelaufen",
        [TEXT_STATUS_KEYLESS] = "ohne Schlüssel",
        [TEXT_STATUS_FAILED] = "fehlgeschlagen",
};
