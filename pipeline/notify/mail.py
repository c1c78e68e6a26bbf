"""A notice as an e-mail."""

from __future__ import annotations

import email.policy
import email.utils
from email.message import EmailMessage

from pipeline.notify.notice import Notice
from pipeline.notify.target import Mailbox


def mail_message(notice: Notice, mailbox: Mailbox) -> EmailMessage:
    """Plain text with the headers that a mail must have.

    Args:
        notice: its title has no line break, so that none can end the subject.
        mailbox: for `From` and `To`.
    """
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = f"[ratchet] {notice.title}"
    message["From"] = mailbox.sender
    message["To"] = ", ".join(mailbox.recipients)
    message["Date"] = email.utils.localtime()
    # The sender's domain and not this machine's name, which would be looked up.
    message["Message-ID"] = email.utils.make_msgid("ratchet", domain=mailbox.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # keeps holiday replies away
    message.set_content(notice.to_text() + "\n")
    return message
