"""The hub's refusals, word for word where the words are known."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import Final

_BAD: Final = HTTPStatus.BAD_GATEWAY


class Refusal(Enum):
    """(status, body). In the order in which the hub checks: of several that apply, the first is answered."""

    OUTDATED = (_BAD, "aihubshell 신규 버전을 다운로드해 주시기 바랍니다.")
    NO_PAGE = (HTTPStatus.NOT_FOUND, "페이지가 존재하지 않습니다.")
    NO_FILE = (
        _BAD,
        "요청하신 데이터셋의 파일이 존재하지 않습니다. "
        "파일의 존재여부 및 자세한 사항은 홈페이지(https://aihub.or.kr)에서 확인 바랍니다.",
    )
    KEY = (_BAD, "인증실패, 권한이 거부되었습니다.")
    NOT_APPROVED = (
        _BAD,
        "다운로드 서비스는 홈페이지(https://aihub.or.kr)에서 신청 및 승인 후 이용 가능 합니다.",
    )
    # Only the words 승인 유효기간 만료 and 재신청 are known.
    EXPIRED = (_BAD, "데이터 승인 유효기간 만료 되었습니다. 홈페이지(https://aihub.or.kr)에서 재신청 바랍니다.")
    ABROAD = (_BAD, "AI 허브는 해외에서의 데이터 다운로드를 제한하고 있습니다.")
    # The words of the rest are not known publicly; these are stand-ins.
    FORBIDDEN = (HTTPStatus.FORBIDDEN, "접근이 제한된 데이터입니다.")
    AT_ONCE = (_BAD, "이미 다운로드가 진행 중입니다. 잠시 후 다시 시도해 주시기 바랍니다.")
    BUSY = (HTTPStatus.TOO_MANY_REQUESTS, "요청이 많습니다.")
    CLOSED = (HTTPStatus.SERVICE_UNAVAILABLE, "서비스 점검 중입니다.")
    UNKNOWN = (_BAD, "처리 중 오류가 발생하였습니다. (E-9999)")

    @property
    def status(self) -> HTTPStatus:
        return self.value[0]

    @property
    def text(self) -> str:
        return self.value[1]


PAGE: Final = (
    "<!DOCTYPE html>\n<html lang='ko'><head><title>AI-Hub 로그인</title></head>\n"
    "<body><h1>로그인</h1><form action='/login'><input name='id'></form></body></html>\n"
)
