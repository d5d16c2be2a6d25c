"""python-telegram-bot against the sandbox's Bot API, its people played over HTTP."""

import asyncio
import contextlib
import itertools
import json
import struct
import time
import urllib.error
import urllib.request

import pytest
from addresses import sandbox
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup, error
from telegram.constants import ParseMode
from telegram.ext import ApplicationBuilder, CallbackQueryHandler, CommandHandler, MessageHandler, filters
from telegram.request import HTTPXRequest

TELEGRAM = sandbox()["telegram"]
NAMES = itertools.count(int(time.time() * 1000))


def people(path: str, body=None, method=None):
    """One request to the people's side; the JSON that came."""
    data = None if body is None and method != "POST" else json.dumps(body).encode()
    request = urllib.request.Request(
        TELEGRAM["people_url"] + path, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as response:
        return json.load(response)


async def later(path: str, body):
    """The same beside a running bot."""
    return await asyncio.to_thread(people, path, body)


def chat(person: int) -> list:
    return people(f"/chats/{person}")["messages"]


@pytest.fixture
def an() -> int:
    """A person who has started the bot."""
    person = people("/persons", {"first_name": "An", "last_name": "Nguyễn", "username": f"an_{next(NAMES)}"})["id"]
    people("/start", {"person": person, "payload": "abc-123"})
    return person


@pytest.fixture(autouse=True)
def calm():
    yield
    people("/faults", method="DELETE")
    people("/limits", None, method="POST")


def request() -> HTTPXRequest:
    return HTTPXRequest(httpx_kwargs={"trust_env": False})


@contextlib.asynccontextmanager
async def a_bot(token: str = TELEGRAM["token"]):
    bot = Bot(
        token,
        base_url=TELEGRAM["api_url"] + "/bot",
        base_file_url=TELEGRAM["api_url"] + "/file/bot",
        request=request(),
        get_updates_request=request(),
    )
    async with bot:
        yield bot


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG, which is all that a size needs."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def test_an_application_polls_answers_and_edits():
    """The way bots are usually written: handlers, polling, buttons."""

    async def start(update, context):
        buttons = [[InlineKeyboardButton("Nhận việc", callback_data="take")]]
        await update.message.reply_html(
            f"Chào <b>{update.effective_user.first_name}</b>: {context.args[0]}",
            reply_markup=InlineKeyboardMarkup(buttons),
        )

    async def pressed(update, _context):
        await update.callback_query.answer("Đã nhận", show_alert=True)
        await update.callback_query.edit_message_text("Đã nhận việc")

    async def contact(update, _context):
        await update.message.reply_text(f"Số của anh: {update.message.contact.phone_number}")

    async def story():
        application = (
            ApplicationBuilder()
            .token(TELEGRAM["token"])
            .base_url(TELEGRAM["api_url"] + "/bot")
            .base_file_url(TELEGRAM["api_url"] + "/file/bot")
            .request(request())
            .get_updates_request(request())
            .build()
        )
        application.add_handler(CommandHandler("start", start))
        application.add_handler(CallbackQueryHandler(pressed))
        application.add_handler(MessageHandler(filters.CONTACT, contact))
        async with application:
            await application.start()
            await application.updater.start_polling(drop_pending_updates=True, timeout=5)
            person = (await later("/persons", {"first_name": "Minh"}))["id"]
            await later("/start", {"person": person, "payload": "mã-1"})
            greeting = await asyncio.to_thread(people, f"/wait?chat={person}&contains=Minh")
            assert greeting["html"] == "Chào <b>Minh</b>: mã-1"
            press = await later("/press", {"person": person, "message": greeting["id"], "data": "take"})
            assert press["answer"] == {"text": "Đã nhận", "show_alert": True, "url": None}
            edited = await asyncio.to_thread(people, f"/wait?chat={person}&contains=vi%E1%BB%87c")
            assert (edited["text"], edited["buttons"]) == ("Đã nhận việc", [])
            assert edited["edited_at_ms"] >= edited["at_ms"]
            await later("/contact", {"person": person, "phone_number": "+84901234567"})
            await asyncio.to_thread(people, f"/wait?chat={person}&contains=84901234567")
            await application.updater.stop()
            await application.stop()

    asyncio.run(story())


def test_texts_with_markup(an):
    async def story():
        async with a_bot() as bot:
            message = await bot.send_message(an, "🏟 <b>đậm</b> <a href='https://x.org/?a=1'>đây</a>", ParseMode.HTML)
            assert message.text == "🏟 đậm đây"
            assert message.text_html == '🏟 <b>đậm</b> <a href="https://x.org/?a=1">đây</a>'
            message = await bot.send_message(an, "*đậm* _nghiêng_ 3\\.5 `mã`", ParseMode.MARKDOWN_V2)
            assert message.text_markdown_v2 == "*đậm* _nghiêng_ 3\\.5 `mã`"
            reply = await message.reply_text("vâng", do_quote=True)
            assert reply.reply_to_message.message_id == message.message_id

    asyncio.run(story())
    assert chat(an)[-1]["reply_to"] == chat(an)[-2]["id"]


def test_photos_and_documents(an):
    async def story():
        async with a_bot() as bot:
            photo = await bot.send_photo(an, png(900, 480), caption="Tuần 47")
            assert (photo.photo[-1].width, photo.photo[-1].height) == (900, 480)
            await bot.edit_message_caption(an, photo.message_id, caption="Tuần <b>48</b>", parse_mode=ParseMode.HTML)
            await bot.send_photo(an, photo.photo[-1].file_id)
            document = await bot.send_document(an, "căn,giá\n".encode(), filename="bảng.csv")
            file = await (await bot.get_file(document.document.file_id)).download_as_bytearray()
            assert bytes(file) == "căn,giá\n".encode()
            with pytest.raises(error.BadRequest, match="(?i)photo_invalid_dimensions"):
                await bot.send_photo(an, png(9000, 9000))
            with pytest.raises(error.BadRequest, match="(?i)image_process_failed"):
                await bot.send_photo(an, b"%PDF-1.7")

    asyncio.run(story())
    captions = [message["text"] for message in chat(an) if message["photo"]]
    assert captions == ["Tuần 48", ""]


def test_what_telegram_refuses(an):
    stranger = people("/persons", {"first_name": "Lạ"})["id"]

    async def story():
        async with a_bot() as bot:
            for text, more, said in [
                ("", {}, "(?i)text is empty"),
                ("x" * 4097, {}, "(?i)message is too long"),
                ("<b>x", {"parse_mode": "HTML"}, "can't find end tag corresponding to start tag"),
                ("3.5", {"parse_mode": "MarkdownV2"}, "(?i)character '.' is reserved"),
            ]:
                with pytest.raises(error.BadRequest, match=said):
                    await bot.send_message(an, text, **more)
            long_data = InlineKeyboardMarkup([[InlineKeyboardButton("a", callback_data="ằ" * 22)]])
            with pytest.raises(error.BadRequest, match="(?i)button_data_invalid"):
                await bot.send_message(an, "x", reply_markup=long_data)
            with pytest.raises(error.BadRequest, match="(?i)chat not found"):
                await bot.send_message(1, "x")
            with pytest.raises(error.Forbidden, match="can't initiate conversation"):
                await bot.send_message(stranger, "x")
            message = await bot.send_message(an, "x")
            with pytest.raises(error.BadRequest, match="(?i)message is not modified"):
                await message.edit_text("x")
            with pytest.raises(error.BadRequest, match="(?i)query is too old"):
                await bot.answer_callback_query("77")
            await later("/block", {"person": an})
            with pytest.raises(error.Forbidden, match="blocked by the user"):
                await bot.send_message(an, "x")
            await later("/start", {"person": an})
            await bot.send_message(an, "lại được")

    asyncio.run(story())


def test_limits_faults_and_migration(an):
    async def story():
        async with a_bot() as bot:
            await later("/limits", {"chat_per_second": 0.001, "chat_burst": 1})
            await bot.send_message(an, "x")
            with pytest.raises(error.RetryAfter):
                await bot.send_message(an, "x")
            await asyncio.to_thread(people, "/limits", None, "POST")
            await later("/faults", {"method": "sendMessage", "act": {"garbage": {"code": 502}}})
            with pytest.raises(error.NetworkError):
                await bot.send_message(an, "x")
            await later("/faults", {"method": "sendMessage", "act": "reset", "done": True})
            with pytest.raises(error.NetworkError):
                await bot.send_message(an, "tới rồi mà không biết")
            group = (await later("/groups", {"title": "Nhóm", "members": [an]}))["id"]
            await later("/add_bot", {"group": group, "person": an})
            await bot.send_message(group, "x")
            new = (await later("/migrate", {"group": group}))["id"]
            with pytest.raises(error.ChatMigrated) as migrated:
                await bot.send_message(group, "x")
            assert migrated.value.new_chat_id == new
            await bot.send_message(new, "x")

    asyncio.run(story())
    assert chat(an)[-1]["text"] == "tới rồi mà không biết"


def test_the_bot_about_itself_and_chats(an):
    async def story():
        async with a_bot() as bot:
            assert bot.username == TELEGRAM.get("username", bot.username)
            await bot.set_my_commands([("hom_nay", "Việc hôm nay"), ("baocao", "Báo cáo")])
            assert [command.command for command in await bot.get_my_commands()] == ["hom_nay", "baocao"]
            await bot.set_my_description("Trợ lý của phòng kinh doanh")
            assert (await bot.get_my_description()).description == "Trợ lý của phòng kinh doanh"
            assert (await bot.get_chat(an)).full_name == "An Nguyễn"
            assert (await bot.get_chat_member(an, an)).status == "member"
            assert await bot.send_chat_action(an, "typing")
            keyboard = ReplyKeyboardMarkup([[KeyboardButton("Gửi số", request_contact=True)]])
            await bot.send_message(an, "Số của anh?", reply_markup=keyboard)
            assert (await bot.get_webhook_info()).url == ""

    asyncio.run(story())
    assert people(f"/chats/{an}")["keyboard"] == [[{"text": "Gửi số", "request_contact": True}]]


def test_two_polls_and_a_wrong_token():
    async def story():
        async with a_bot() as bot:
            await bot.delete_webhook(drop_pending_updates=True)
            # Counted before the first one is under way, or it might be among them.
            calls = (await asyncio.to_thread(people, "/calls")).get("getupdates", 0)
            first = asyncio.create_task(bot.get_updates(timeout=20))
            second = None
            while second is None:
                now = (await asyncio.to_thread(people, "/calls")).get("getupdates", 0)
                if now > calls or first.done():
                    second = asyncio.create_task(bot.get_updates(timeout=1))
            with pytest.raises(error.Conflict, match="terminated by other getUpdates request"):
                await first
            assert await second == ()
        with pytest.raises(error.InvalidToken):
            async with a_bot("1:wrong"):
                pass

    asyncio.run(story())
