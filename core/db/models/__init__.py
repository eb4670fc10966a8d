"""All models, by name; `ALL` is every table of the core in an order that can be created."""

from core.db.models.accounts import Account, Price
from core.db.models.api import ApiAnswer, ApiToken, TokenSpend
from core.db.models.arrival import (
    AccountWatch,
    ArrivalAlarm,
    ArrivalCell,
    ArrivalCusum,
    ArrivalHour,
    ArrivalRate,
)
from core.db.models.base import Base
from core.db.models.campaigns import Campaign, CampaignCheck, CampaignLog, Variant, VariantText
from core.db.models.consent import (
    CampaignGone,
    ConsentEvent,
    ConsentHead,
    ConsentSeal,
    ContactTopic,
    Erasure,
    HeldReply,
    RetentionRun,
    Suppression,
    Topic,
)
from core.db.models.contacts import (
    Contact,
    ContactLabel,
    Field,
    FieldChoice,
    ImportBatch,
    ImportChange,
    ImportReject,
    Label,
    Profile,
)
from core.db.models.content import Template, TemplateText
from core.db.models.dossiers import Dossier, DossierAccount, DossierEvent, Paper, PaperFile, PaperReminder
from core.db.models.events import (
    Category,
    Event,
    EventBatch,
    EventDay,
    EventReject,
    EventStat,
    EventType,
    EventWaiting,
    Item,
    Touched,
)
from core.db.models.labelling import LabelBlock, LabelChange, LabelDay, LabelRule, LabelValue
from core.db.models.links import Click, ClickAgent, ClickCount, Clicked, ClickFile, ClickJudged, Link
from core.db.models.messageparts import MessagePart, MessagePrice
from core.db.models.messages import (
    IdBlock,
    InboundText,
    Inbox,
    Lease,
    Message,
    MessageText,
    PendingReceipt,
    ReceiptLog,
    Tally,
    Worker,
)
from core.db.models.otp import Otp, OtpAlarm, OtpBlock, OtpBucket, OtpNear, OtpRefused
from core.db.models.people import OneTimeLink, Role, SessionRecord, User, UserRoles
from core.db.models.quality import (
    ContactMerge,
    NotSame,
    NotSameContact,
    NumberInfo,
    QualityContact,
    QualityFinding,
    QualitySource,
)
from core.db.models.records import (
    BalanceAt,
    Consequence,
    ErrorKind,
    ErrorSeen,
    Invoice,
    InvoiceLine,
    ProviderCall,
)
from core.db.models.routes import (
    MessageRoute,
    RouteRule,
    RouteTarget,
    SecondText,
    Sender,
    SenderPool,
    SenderSticky,
)
from core.db.models.segments import Segment, SegmentDay, SegmentSnapshot
from core.db.models.sources import EventSource, SitePerson, SourceCall, SourceOrder
from core.db.models.system import Audit, AuditHead, AuditSeal, JobRun, PluginState, Setting, Throttle
from core.db.models.trials import Trial, TrialAccount, TrialCheck, TrialNumber, TrialText
from core.db.models.vendortexts import VariantVendor, VendorMapping, VendorSignature, VendorTemplate

ALL = [
    Account, Price, Campaign, CampaignCheck, CampaignLog, Variant, VariantText, ConsentEvent, Suppression, Contact,
    ContactLabel, Field, FieldChoice, ImportBatch, ImportChange, ImportReject, Label, Profile, Template,
    TemplateText, IdBlock, Inbox, InboundText, Lease, Message, MessageText, PendingReceipt, ReceiptLog,
    Tally, Worker, Role, User, UserRoles, SessionRecord, OneTimeLink, Segment, Audit, AuditSeal, AuditHead, JobRun,
    PluginState, Setting, Throttle, EventType, Item, Category, Event, EventStat, EventDay, EventWaiting, Touched,
    EventBatch, EventReject, SegmentDay, SegmentSnapshot,
    NumberInfo, QualityFinding, QualityContact, QualitySource, ContactMerge, NotSame, NotSameContact,
    Link, Click, ClickAgent, Clicked, ClickCount, ClickFile, ClickJudged,
    ConsentSeal, ConsentHead, Topic, ContactTopic, HeldReply, Erasure, RetentionRun, CampaignGone,
    ApiToken, TokenSpend, ApiAnswer, LabelRule, LabelValue, LabelBlock, LabelChange, LabelDay,
    EventSource, SourceCall, SourceOrder, SitePerson,
    MessagePart, MessagePrice, Otp, OtpBucket, OtpNear, OtpBlock, OtpRefused, OtpAlarm,
    RouteRule, RouteTarget, SenderPool, Sender, SenderSticky, MessageRoute, SecondText,
    ArrivalCell, ArrivalHour, ArrivalRate, AccountWatch, ArrivalCusum, ArrivalAlarm,
    ErrorKind, ErrorSeen, Consequence, ProviderCall, BalanceAt, Invoice, InvoiceLine,
    VendorSignature, VendorTemplate, VendorMapping, VariantVendor,
    Trial, TrialAccount, TrialNumber, TrialText, TrialCheck,
    Dossier, DossierAccount, Paper, PaperFile, DossierEvent, PaperReminder,
]  # fmt: skip

__all__ = [model.__name__ for model in ALL] + ["ALL", "Base"]
