; The installer for Windows. installer/windows/setup.py writes what it includes (lists of files, sentences) and runs it.
;
; NSIS and not Inno Setup: it is a package of Debian and is on GitHub's runners for Windows, so the same script is compiled
; and tried here.
;
;   /S             asks nothing           /D=C:\Folder   where to (last of all, without quotes)
;   /AllUsers      for everybody (as an administrator); without it for whoever runs it
;   /FORCE         ends commands of aihub that are at work after a minute; without it the installation is given up
;
; Exit codes: 0 done, 1 given up by the person, 2 files could not be written, 3 a newer version is installed,
; 4 an administrator is needed, 5 the program is at work, 6 the folder holds other files.
;
; Nothing is deleted that was not put there: the lists name every file, and folders go only when they are empty.

Unicode true
Target amd64-unicode
ManifestDPIAware true
ManifestLongPathAware true
SetCompressor /SOLID lzma
RequestExecutionLevel user
Name "AI Hub Desktop"
OutFile "${OUTPUT}"
BrandingText "AI Hub Desktop ${VERSION}"
VIProductVersion "${VERSION_NUMBERS}"
VIAddVersionKey ProductName "AI Hub Desktop"
VIAddVersionKey FileDescription "AI Hub Desktop"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey CompanyName "AI Hub Desktop"
VIAddVersionKey LegalCopyright "Apache-2.0"

!include MUI2.nsh
!include FileFunc.nsh
!include WordFunc.nsh
!include LogicLib.nsh
!include nsDialogs.nsh
!include x64.nsh
!include WinMessages.nsh

!define ENTRY "Software\Microsoft\Windows\CurrentVersion\Uninstall\AIHubDesktop"
!define CLASSES "Software\Classes"
!define USER_PATH "Environment"
!define MACHINE_PATH "SYSTEM\CurrentControlSet\Control\Session Manager\Environment"

Var ForAll
Var Chosen
Var Force
Var Radio

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${SIDE}"
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\aihub-desktop.exe"
!define MUI_FINISHPAGE_NOREBOOTSUPPORT

Page custom AskForWhom HeardForWhom
!define MUI_PAGE_CUSTOMFUNCTION_LEAVE CheckFolder
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "Korean"
!include "${BUILD}\words.nsh"

; ---- for whom ----

!macro Context un
Function ${un}Context
  SetRegView 64
  ${If} $ForAll == 1
    SetShellVarContext all
  ${Else}
    SetShellVarContext current
  ${EndIf}
FunctionEnd

; Where the PATH of this person, or of everybody, is: $R8 the root's handle, $R9 the key.
Function ${un}WherePath
  ${If} $ForAll == 1
    StrCpy $R8 0x80000002
    StrCpy $R9 "${MACHINE_PATH}"
  ${Else}
    StrCpy $R8 0x80000001
    StrCpy $R9 "${USER_PATH}"
  ${EndIf}
FunctionEnd

; Reads the PATH into memory of its own, for it may be longer than any string here holds and must not be cut:
; $R0 the key's handle (0: none), $R1 the text ";PATH;" in memory, $R2 its type, $R3 its signs without the two ";".
Function ${un}ReadPath
  Call ${un}WherePath
  StrCpy $R1 0
  System::Call 'advapi32::RegCreateKeyExW(p R8, w R9, i 0, p 0, i 0, i 0x103, p 0, *p .r0, p 0) i .r1'
  ${If} $1 != 0
    StrCpy $R0 0
    Return
  ${EndIf}
  StrCpy $R0 $0
  StrCpy $R2 2
  System::Call 'advapi32::RegQueryValueExW(p R0, w "Path", p 0, *i .R2, p 0, *i 0 r2) i .r1'
  ${If} $1 != 0
    StrCpy $2 0
    StrCpy $R2 2 ; REG_EXPAND_SZ, as Windows makes it
  ${EndIf}
  IntOp $3 $2 + 4096
  System::Alloc $3
  Pop $R1
  ${If} $R1 == 0
    System::Call 'advapi32::RegCloseKey(p R0)'
    StrCpy $R0 0
    Return
  ${EndIf}
  System::Call 'kernel32::RtlZeroMemory(p R1, p r3)'
  System::Call 'kernel32::lstrcpyW(p R1, w ";")'
  IntPtrOp $4 $R1 + 2
  ${If} $2 > 0
    System::Call 'advapi32::RegQueryValueExW(p R0, w "Path", p 0, p 0, p r4, *i r2) i .r1'
    ${If} $1 != 0
      System::Call 'advapi32::RegCloseKey(p R0)'
      System::Free $R1
      StrCpy $R0 0
      Return
    ${EndIf}
  ${EndIf}
  System::Call 'kernel32::lstrlenW(p r4) i .R3'
  System::Call 'kernel32::lstrcatW(p R1, w ";")'
FunctionEnd

; Writes $R3 signs from the second on of $R1, and tells every window of it.
Function ${un}WritePath
  IntPtrOp $4 $R1 + 2
  IntOp $5 $R3 * 2
  IntPtrOp $6 $4 + $5
  System::Call '*$6(&i2 0)'
  IntOp $5 $5 + 2
  System::Call 'advapi32::RegSetValueExW(p R0, w "Path", i 0, i R2, p r4, i r5) i .r1'
  SendMessage ${HWND_BROADCAST} ${WM_WININICHANGE} 0 "STR:Environment" /TIMEOUT=2000
FunctionEnd

Function ${un}LeavePath
  System::Call 'advapi32::RegCloseKey(p R0)'
  System::Free $R1
FunctionEnd

; The program's folder of commands as it stands in a PATH: $7 the text, $8 where ";FOLDER;" is in $R1 (0: nowhere).
Function ${un}FindInPath
  StrCpy $7 "$INSTDIR\bin"
  System::Call 'shlwapi::StrStrIW(p R1, w ";$7;") p .r8'
FunctionEnd

; Asks the window to leave in order, then waits for commands that are at work: $9 is 1 where somebody still is.
Function ${un}EndProgram
  StrCpy $9 0
  ${IfNot} ${FileExists} "$INSTDIR\aihub-desktop.exe"
    Return
  ${EndIf}
again:
  nsExec::Exec '"$INSTDIR\aihub-desktop.exe" --quit'
  Pop $1
  StrCpy $2 0
wait:
  Call ${un}IsAtWork
  ${If} $9 == 0
    Return
  ${EndIf}
  ${If} $2 < 60
    IntOp $2 $2 + 1
    Sleep 1000
    ${If} ${Silent}
      Goto wait
    ${ElseIf} $2 < 5
      Goto wait
    ${EndIf}
  ${EndIf}
  ${If} $Force == 1
    ; Nothing is lost by it: what was received is on disk, with its journal.
    nsExec::Exec 'taskkill /F /IM aihub.exe'
    Pop $1
    nsExec::Exec 'taskkill /F /IM aihub-desktop.exe'
    Pop $1
    Sleep 2000
    Call ${un}IsAtWork
    Return
  ${EndIf}
  IfSilent done
  MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(in-use)" IDRETRY again
done:
FunctionEnd

; A program that runs cannot be opened for writing.
Function ${un}IsAtWork
  StrCpy $9 0
  ClearErrors
  FileOpen $3 "$INSTDIR\aihub.exe" a
  ${If} ${Errors}
    StrCpy $9 1
    ClearErrors
  ${Else}
    FileClose $3
  ${EndIf}
  FileOpen $3 "$INSTDIR\aihub-desktop.exe" a
  ${If} ${Errors}
    StrCpy $9 1
    ClearErrors
  ${Else}
    FileClose $3
  ${EndIf}
FunctionEnd

Function ${un}Words
  StrCpy $ForAll 0
  StrCpy $Force 0
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/FORCE" $1
  ${IfNot} ${Errors}
    StrCpy $Force 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/AllUsers" $1
  ${IfNot} ${Errors}
    StrCpy $ForAll 1
  ${EndIf}
  ClearErrors
FunctionEnd
!macroend
!insertmacro Context ""
!insertmacro Context "un."

Function .onInit
  ${IfNot} ${RunningX64}
    SetErrorLevel 2
    Abort
  ${EndIf}
  Call Words
  StrCpy $Chosen $INSTDIR ; what /D= says
  Call ForWhom
  IfSilent 0 done
  Call CheckAdministrator
  Call CheckFolder
done:
FunctionEnd

; The folder and the installed version that go with $ForAll.
Function ForWhom
  Call Context
  ReadRegStr $0 SHCTX "${ENTRY}" "InstallLocation"
  ${If} $Chosen != ""
    StrCpy $INSTDIR $Chosen
  ${ElseIf} $0 != ""
    StrCpy $INSTDIR $0
  ${ElseIf} $ForAll == 1
    StrCpy $INSTDIR "$PROGRAMFILES64\AI Hub Desktop"
  ${Else}
    StrCpy $INSTDIR "$LOCALAPPDATA\Programs\AI Hub Desktop"
  ${EndIf}
  ReadRegStr $0 SHCTX "${ENTRY}" "DisplayVersion"
  ${If} $0 != ""
    ${VersionCompare} "$0" "${VERSION}" $1
    ${If} $1 == 1
      MessageBox MB_OK|MB_ICONSTOP "$(newer)" /SD IDOK
      SetErrorLevel 3
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

Function CheckAdministrator
  ${If} $ForAll == 1
    UserInfo::GetAccountType
    Pop $0
    ${If} $0 != "Admin"
      SetErrorLevel 4
      MessageBox MB_OK|MB_ICONSTOP "$(needs-administrator)" /SD IDOK
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

Function AskForWhom
  ${If} $ForAll == 1
    Call CheckAdministrator
    Abort ; asked already, by /AllUsers
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "$(title)" "$(subtitle)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateRadioButton} 0 20u 100% 14u "$(for-me)"
  Pop $0
  ${NSD_Check} $0
  ${NSD_CreateRadioButton} 0 40u 100% 14u "$(for-all)"
  Pop $Radio
  nsDialogs::Show
FunctionEnd

Function HeardForWhom
  ${NSD_GetState} $Radio $0
  ${If} $0 != ${BST_CHECKED}
    Return
  ${EndIf}
  UserInfo::GetAccountType
  Pop $0
  ${If} $0 == "Admin"
    StrCpy $ForAll 1
    Call ForWhom
    Return
  ${EndIf}
  ClearErrors
  ExecShell "runas" "$EXEPATH" "/AllUsers"
  ${If} ${Errors} ; the person said no
    MessageBox MB_OK|MB_ICONINFORMATION "$(needs-administrator)"
    Abort
  ${EndIf}
  Quit
FunctionEnd

; Only an empty folder or one of ours: what else lies there would be mixed with the program's files.
Function CheckFolder
  ${If} ${FileExists} "$INSTDIR\uninstall.exe"
    Return
  ${EndIf}
  StrCpy $1 0
  FindFirst $2 $3 "$INSTDIR\*.*"
  ${DoWhile} $3 != ""
    ${If} $3 != "."
    ${AndIf} $3 != ".."
      StrCpy $1 1
    ${EndIf}
    FindNext $2 $3
    ${If} ${Errors}
      StrCpy $3 ""
      ClearErrors
    ${EndIf}
  ${Loop}
  FindClose $2
  ClearErrors
  ${If} $1 == 1
    MessageBox MB_OK|MB_ICONEXCLAMATION "$(not-empty)" /SD IDOK
    IfSilent 0 +3
    SetErrorLevel 6
    Quit
    Abort
  ${EndIf}
FunctionEnd

; ---- installing ----

Section "AI Hub Desktop"
  Call Context
  Call EndProgram
  ${If} $9 == 1
    SetErrorLevel 5
    Quit
  ${EndIf}
  ; The version before takes its own files away, by its own list; its entries, and the person's data, stay.
  ${If} ${FileExists} "$INSTDIR\uninstall.exe"
    StrCpy $1 ""
    ${If} $ForAll == 1
      StrCpy $1 "/AllUsers"
    ${EndIf}
    ExecWait '"$INSTDIR\uninstall.exe" /S /UPGRADE $1 _?=$INSTDIR'
  ${EndIf}
  ClearErrors
  SetOverwrite on
  !include "${BUILD}\install.nsh"
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} ${Errors}
    MessageBox MB_OK|MB_ICONSTOP "$(not-written)" /SD IDOK
    SetErrorLevel 2
    Abort
  ${EndIf}

  ; The folder on the PATH holds nothing but the command, so that no DLL of ours is found by other programs.
  CreateDirectory "$INSTDIR\bin"
  FileOpen $0 "$INSTDIR\bin\aihub.cmd" w
  FileWrite $0 '@"%~dp0..\aihub.exe" %*$\r$\n'
  FileClose $0
  Call ReadPath
  ${If} $R0 != 0
    Call FindInPath
    ${If} $8 == 0
      System::Call 'kernel32::lstrlenW(w r7) i .r9'
      ${If} $R3 == 0
        System::Call 'kernel32::lstrcpyW(p R1, w ";$7")'
        StrCpy $R3 $9
      ${Else}
        System::Call 'kernel32::lstrcatW(p R1, w r7)'
        IntOp $R3 $R3 + $9
        IntOp $R3 $R3 + 1
      ${EndIf}
      Call WritePath
    ${EndIf}
    Call LeavePath
  ${EndIf}

  CreateShortcut "$SMPROGRAMS\AI Hub Desktop.lnk" "$INSTDIR\aihub-desktop.exe"
  WriteRegStr SHCTX "${CLASSES}\.aihubbatch" "" "AIHubDesktop.Batch"
  WriteRegStr SHCTX "${CLASSES}\AIHubDesktop.Batch" "" "$(batch)"
  WriteRegStr SHCTX "${CLASSES}\AIHubDesktop.Batch\DefaultIcon" "" "$INSTDIR\aihub-desktop.exe,0"
  WriteRegStr SHCTX "${CLASSES}\AIHubDesktop.Batch\shell\open\command" "" '"$INSTDIR\aihub-desktop.exe" -- "%1"'
  WriteRegStr SHCTX "${CLASSES}\aihub" "" "URL:AI Hub"
  WriteRegStr SHCTX "${CLASSES}\aihub" "URL Protocol" ""
  WriteRegStr SHCTX "${CLASSES}\aihub\shell\open\command" "" '"$INSTDIR\aihub-desktop.exe" -- "%1"'
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'

  WriteRegStr SHCTX "${ENTRY}" "DisplayName" "AI Hub Desktop"
  WriteRegStr SHCTX "${ENTRY}" "DisplayVersion" "${VERSION}"
  WriteRegStr SHCTX "${ENTRY}" "DisplayIcon" "$INSTDIR\aihub-desktop.exe"
  WriteRegStr SHCTX "${ENTRY}" "Publisher" "AI Hub Desktop"
  WriteRegStr SHCTX "${ENTRY}" "InstallLocation" "$INSTDIR"
  WriteRegDWORD SHCTX "${ENTRY}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD SHCTX "${ENTRY}" "NoModify" 1
  WriteRegDWORD SHCTX "${ENTRY}" "NoRepair" 1
  ${If} $ForAll == 1
    WriteRegStr SHCTX "${ENTRY}" "UninstallString" '"$INSTDIR\uninstall.exe" /AllUsers'
    WriteRegStr SHCTX "${ENTRY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /AllUsers /S'
  ${Else}
    WriteRegStr SHCTX "${ENTRY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr SHCTX "${ENTRY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  ${EndIf}
SectionEnd

; ---- removing ----

Function un.onInit
  Call un.Words
  Call un.Context
  ${If} $ForAll == 1
    UserInfo::GetAccountType
    Pop $0
    ${If} $0 != "Admin"
      IfSilent 0 ask
      SetErrorLevel 4
      Quit
ask:
      ExecShell "runas" "$INSTDIR\uninstall.exe" "/AllUsers"
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

Section "Uninstall"
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/UPGRADE" $1
  ${IfNot} ${Errors}
    !include "${BUILD}\uninstall.nsh"
    SetErrorLevel 0
    Goto done
  ${EndIf}
  Call un.EndProgram
  ${If} $9 == 1
    SetErrorLevel 5
    Quit
  ${EndIf}

  Call un.ReadPath
  ${If} $R0 != 0
    Call un.FindInPath
    ${If} $8 != 0
      System::Call 'kernel32::lstrlenW(w r7) i .r9'
      IntOp $9 $9 + 1
      IntOp $5 $9 * 2
      IntPtrOp $6 $8 + $5 ; the ";" behind it
      System::Call 'kernel32::lstrlenW(p r6) i .r2'
      IntOp $2 $2 + 1
      IntOp $2 $2 * 2
      System::Call 'kernel32::RtlMoveMemory(p r8, p r6, p r2)'
      IntOp $R3 $R3 - $9
      ${If} $R3 < 0
        StrCpy $R3 0
      ${EndIf}
      Call un.WritePath
    ${EndIf}
    Call un.LeavePath
  ${EndIf}

  ; What another program has taken over since is that program's.
  ReadRegStr $0 SHCTX "${CLASSES}\aihub\shell\open\command" ""
  ${If} $0 == '"$INSTDIR\aihub-desktop.exe" -- "%1"'
    DeleteRegKey SHCTX "${CLASSES}\aihub"
  ${EndIf}
  ReadRegStr $0 SHCTX "${CLASSES}\.aihubbatch" ""
  ${If} $0 == "AIHubDesktop.Batch"
    DeleteRegValue SHCTX "${CLASSES}\.aihubbatch" ""
    DeleteRegKey /ifempty SHCTX "${CLASSES}\.aihubbatch"
  ${EndIf}
  DeleteRegKey SHCTX "${CLASSES}\AIHubDesktop.Batch"
  DeleteRegKey SHCTX "${ENTRY}"
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
  Delete "$SMPROGRAMS\AI Hub Desktop.lnk"
  !include "${BUILD}\uninstall.nsh"
  Delete "$INSTDIR\bin\aihub.cmd"
  RMDir "$INSTDIR\bin"
  Delete "$INSTDIR\uninstall.exe"
  SetOutPath "$TEMP"
  RMDir "$INSTDIR"

  SetShellVarContext current
  ${If} ${FileExists} "$LOCALAPPDATA\AIHub Desktop\*.*"
    ; Silently, nothing of a person's is deleted. The folder's name is the program's own, not one that was chosen.
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(remove-state)" /SD IDNO IDNO done
    RMDir /r "$LOCALAPPDATA\AIHub Desktop"
  ${EndIf}
done:
SectionEnd
